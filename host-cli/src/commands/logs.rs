//! `openshell gateway logs`.

mod component;

use super::{Context, interrupted};
use crate::cli::{Component, Logs};
use crate::docker::LogRequest;
use crate::error::Error;
use crate::exit;
use bollard::container::LogOutput;
use component::Filter;
use futures_util::{Stream, StreamExt};
use std::io::{self, ErrorKind, Write};
use std::pin::Pin;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) async fn run(context: &Context, args: &Logs) -> Result<u8, Error> {
    let Context { name, engine, .. } = context;
    let object = name.object();
    if engine.inspect(&object).await?.is_none() {
        return Err(Error::NoGateway(name.clone()));
    }
    let mut frames: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>>>> = match args.component {
        Some(Component::Gateway) => {
            let command = component::of_the_pod(args);
            Box::pin(engine.run(&object, &command).await?)
        }
        _ => Box::pin(engine.logs(&object, &request(args))),
    };
    let mut filter = Filter::new(args.component);
    loop {
        let frame = tokio::select! {
            frame = frames.next() => frame,
            () = interrupted() => return Ok(exit::INTERRUPTED),
        };
        let Some(frame) = frame.transpose()? else { break };
        match pass_on(&filter.pass(&frame)) {
            Ok(()) => {}
            // The reader has seen enough, as `head` does.
            Err(e) if e.kind() == ErrorKind::BrokenPipe => break,
            Err(e) => return Err(Error::Stdio(e)),
        }
    }
    Ok(exit::OK)
}

fn request(args: &Logs) -> LogRequest {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // The client library counts in 32 bits, which suffices until 2038.
    let since = args.since.map(|span| i32::try_from(now.saturating_sub(span)).unwrap_or(i32::MAX));
    LogRequest { follow: args.follow, tail: args.tail, since }
}

fn pass_on(frame: &LogOutput) -> io::Result<()> {
    match frame {
        LogOutput::StdErr { message } => io::stderr().lock().write_all(message),
        frame => {
            let mut out = io::stdout().lock();
            out.write_all(frame.as_ref())?;
            out.flush()
        }
    }
}
