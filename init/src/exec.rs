//! Runs a helper program to its end, within a deadline, through the broker.

use crate::tail::Tail;
use openshell_pid1::lines::{self, Line};
use openshell_pid1::{Broker, Exit, SpawnError};
use std::convert::Infallible;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How long the rest of the output may take after the program has ended. A grandchild may hold the pipe
/// open for ever.
const DRAIN: Duration = Duration::from_millis(200);
/// Last lines of output that are kept.
const KEPT_LINES: usize = 40;

/// Why a helper program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// It was not started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The system has no thread or pipe to give.
    #[error("can't talk to {program}")]
    Pipe {
        /// The program.
        program: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It ended otherwise than with 0.
    #[error("{program} ended with {exit}: {output}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        exit: Exit,
        /// Its last lines.
        output: String,
    },
    /// It took too long and was killed.
    #[error("{program} was killed after {} s: {output}", limit.as_secs())]
    TooLong {
        /// The program.
        program: String,
        /// The time that it had.
        limit: Duration,
        /// Its last lines.
        output: String,
    },
}

/// Runs `command` with `input` on its standard input. Returns its last lines of output.
pub async fn run(
    broker: &Broker,
    mut command: Command,
    input: Vec<u8>,
    limit: Duration,
) -> Result<String, ExecError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let pipe = |source| ExecError::Pipe { program: program.clone(), source };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (ended, end) = oneshot::channel();
    let mut child = broker.spawn(&mut command, move |exit| {
        // Nobody listens any more when the caller was cancelled.
        let _ = ended.send(exit);
    })?;

    let kept = Tail::new(KEPT_LINES);
    let (reading, mut read_all) = mpsc::channel::<Infallible>(1);
    let keep = |kept: Tail, reading: mpsc::Sender<Infallible>| {
        move |line: Line<'_>| {
            // Dropped with the reader, at the end of its stream.
            let _ = &reading;
            match line {
                Line::Text(text) => kept.push(text),
                Line::Lost(lost) => kept.push(&format!("({} lines are missing here)", lost.lines)),
            }
        }
    };
    if let Some(stdout) = child.stdout.take() {
        lines::forward(&program, stdout, keep(kept.clone(), reading.clone())).map_err(pipe)?;
    }
    if let Some(stderr) = child.stderr.take() {
        lines::forward(&program, stderr, keep(kept.clone(), reading.clone())).map_err(pipe)?;
    }
    if let Some(mut stdin) = child.stdin.take() {
        let writer = std::thread::Builder::new().name(program.clone());
        // The program may end without reading all of it; its exit code tells what that means.
        writer.spawn(move || drop(stdin.write_all(&input))).map_err(pipe)?;
    }

    let ended = tokio::time::timeout(limit, end).await;
    drop(reading);
    // Nothing is ever sent: it returns when the last reader is gone.
    let _ = tokio::time::timeout(DRAIN, read_all.recv()).await;
    let output = || kept.joined();
    match ended {
        Ok(Ok(exit)) if exit.is_success() => Ok(output()),
        Ok(Ok(exit)) => Err(ExecError::Failed { program, exit, output: output() }),
        _ => {
            // It may end in this very moment; then there is nothing to kill.
            let _ = broker.signal_group(child.id, nix::sys::signal::Signal::SIGKILL);
            Err(ExecError::TooLong { program, limit, output: output() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// One test: the reaper belongs to the whole process.
    #[test]
    fn output_and_end_of_a_program_whatever_it_does() {
        let broker = openshell_pid1::start(|_| {}).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let run = |script: &str, limit| {
            runtime.block_on(run(&broker, shell(script), b"input".to_vec(), Duration::from_millis(limit)))
        };
        assert_eq!(run("cat; echo; echo more", 10_000).unwrap(), "input | more");

        let failed = run("echo why >&2; exit 3", 10_000).unwrap_err().to_string();
        assert_eq!(failed, "sh ended with exit code 3: why");

        // A grandchild keeps the pipe open.
        assert_eq!(run("sleep 30 & echo done", 10_000).unwrap(), "done");

        let killed = run("echo slow; sleep 30", 300).unwrap_err();
        assert!(matches!(&killed, ExecError::TooLong { output, .. } if output == "slow"), "{killed}");

        let chatty = run("seq 1 1000", 10_000).unwrap();
        assert_eq!(chatty.split(" | ").count(), KEPT_LINES);
        assert!(chatty.ends_with("1000"), "{chatty}");
    }
}
