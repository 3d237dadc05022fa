//! A process 1 that drills the broker itself, and says in one line what came of it.
//!
//! usage: `drill burst N | reuse | exhaust | flood COMMAND…`

mod burst;
mod numbers;

use openshell_pid1::lines::{self, Line};
use openshell_pid1::{Broker, Request};
use std::io::{self, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};

fn main() -> ExitCode {
    let (stop, stopped) = channel();
    let started = openshell_pid1::start(move |request| {
        if request == Request::Stop {
            // The receiver lives as long as this process.
            let _ = stop.send(());
        }
    });
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = started.and_then(|broker| match words[..] {
        ["burst", n] => burst::run(&broker, n.parse().map_err(io::Error::other)?),
        ["reuse"] => numbers::reuse(&broker),
        ["exhaust"] => numbers::exhaust(&broker),
        ["flood", ref command @ ..] => flood(&broker, command, &stopped),
        _ => Err(io::Error::other("usage: drill burst N | reuse | exhaust | flood COMMAND…")),
    });
    let (text, code) = match said {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(e) => (e.to_string(), ExitCode::FAILURE),
    };
    // To the error stream: the output may be stalled on purpose.
    let _ = writeln!(io::stderr(), "drill: {text}");
    code
}

/// Passes a child's output on to a standard output that nobody reads, until a stop.
fn flood(broker: &Broker, words: &[&str], stopped: &Receiver<()>) -> io::Result<String> {
    let [program, arguments @ ..] = words else { return Err(io::Error::other("flood takes a command")) };
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::piped());
    let mut child = broker.spawn(&mut command, |_| {}).map_err(io::Error::other)?;
    let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    lines::forward("child", output, |line| {
        // It stalls, as a log does whose reader hangs. When the reader is gone, so is the line.
        let _ = match line {
            Line::Text(text) => writeln!(io::stdout(), "{text}"),
            Line::Lost(lost) => writeln!(io::stdout(), "lost {} lines, {} bytes", lost.lines, lost.bytes),
        };
    })?;
    stopped.recv().map_err(io::Error::other)?;
    Ok("stopped".to_owned())
}
