//! `openshell gateway logs`.

use super::{Context, interrupted};
use crate::cli::Logs;
use crate::docker::LogRequest;
use crate::error::Error;
use crate::exit;
use bollard::container::LogOutput;
use futures_util::StreamExt;
use std::io::{self, ErrorKind, Write};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) async fn run(context: &Context, args: &Logs) -> Result<u8, Error> {
    let Context { name, engine, .. } = context;
    let object = name.object();
    if engine.inspect(&object).await?.is_none() {
        return Err(Error::NoGateway(name.clone()));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // The client library counts in 32 bits, which suffices until 2038.
    let since = args.since.map(|span| i32::try_from(now.saturating_sub(span)).unwrap_or(i32::MAX));
    let wanted = LogRequest { follow: args.follow, tail: args.tail, since };
    let mut frames = std::pin::pin!(engine.logs(&object, &wanted));
    loop {
        let frame = tokio::select! {
            frame = frames.next() => frame,
            () = interrupted() => return Ok(exit::INTERRUPTED),
        };
        let Some(frame) = frame.transpose()? else { return Ok(exit::OK) };
        match pass_on(&frame) {
            Ok(()) => {}
            // The reader has seen enough, as `head` does.
            Err(e) if e.kind() == ErrorKind::BrokenPipe => return Ok(exit::OK),
            Err(e) => return Err(Error::Stdio(e)),
        }
    }
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
