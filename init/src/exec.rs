//! Runs a helper program to its end, within a deadline, through the broker.

use openshell_pid1::{Broker, Exit, SpawnError, lines};
use std::collections::VecDeque;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

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

    let kept = Arc::new(Mutex::new(VecDeque::new()));
    let keep = |kept: Arc<Mutex<VecDeque<String>>>| {
        move |line: &str| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_back(line.to_owned());
            if kept.len() > KEPT_LINES {
                kept.pop_front();
            }
        }
    };
    if let Some(stdout) = child.stdout.take() {
        lines::forward(&program, stdout, keep(kept.clone())).map_err(pipe)?;
    }
    if let Some(stderr) = child.stderr.take() {
        lines::forward(&program, stderr, keep(kept.clone())).map_err(pipe)?;
    }
    if let Some(mut stdin) = child.stdin.take() {
        let writer = std::thread::Builder::new().name(program.clone());
        // The program may end without reading all of it; its exit code tells what that means.
        writer.spawn(move || drop(stdin.write_all(&input))).map_err(pipe)?;
    }

    let ended = tokio::time::timeout(limit, end).await;
    let output = || {
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    };
    match ended {
        Ok(Ok(exit)) if exit.is_success() => Ok(output()),
        Ok(Ok(exit)) => Err(ExecError::Failed { program, exit, output: output() }),
        _ => {
            // It may end in this very moment; then there is nothing to kill.
            let _ = broker.signal_group(child.pid, nix::sys::signal::Signal::SIGKILL);
            Err(ExecError::TooLong { program, limit, output: output() })
        }
    }
}
