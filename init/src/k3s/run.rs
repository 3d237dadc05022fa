//! One run of k3s: its start, its last words, and what its end means.

use super::command_line::CommandLine;
use super::{cause, memory};
use crate::failure::{Context, Failure};
use crate::tail::Tail;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use openshell_contract::reason::Reason;
use openshell_pid1::lines::{self, Line};
use openshell_pid1::{Broker, ChildId, Exit, SpawnError};
use std::convert::Infallible;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

const PROGRAM: &str = "/bin/k3s";
/// Last lines that are kept to find out why it ended, and how many of them are told.
const KEPT_LINES: usize = 30;
const TOLD_LINES: usize = 5;
/// How long the rest of its output may take: its children may hold the pipe open for ever.
const DRAIN: Duration = Duration::from_millis(200);

/// A run.
pub struct Run {
    /// Its process.
    pub child: ChildId,
    /// When it was started, or taken over.
    pub since: Instant,
    /// Its standard output and standard error, which are read all the while.
    pub output: [Arc<File>; 2],
    end: oneshot::Receiver<Exit>,
    tails: Tails,
    read_all: mpsc::Receiver<Infallible>,
    memory_kills: u64,
}

/// A k3s that the process 1 before has started, and whose output nobody reads yet.
pub struct Adopted {
    child: ChildId,
    end: oneshot::Receiver<Exit>,
    output: [File; 2],
}

/// The last lines of standard output and of standard error, each by itself: nothing orders them, and one
/// must not push out the other.
type Tails = [Tail; 2];

/// A run that is over.
pub struct Over {
    exit: Exit,
    tails: Tails,
    killed_for_memory: bool,
}

impl Run {
    /// Starts k3s. The reason of a failure is [`Reason::Exhausted`] if it may pass.
    pub fn spawn(broker: &Broker, line: &CommandLine) -> Result<Self, Failure> {
        let mut command = Command::new(PROGRAM);
        command
            .args(&line.args)
            .envs(line.environment.iter().cloned())
            // k3s would tell a service manager that it is ready, long before the gateway is.
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (ended, end) = oneshot::channel();
        let spawned = broker.spawn(&mut command, move |exit| {
            // Nobody listens any more once a stop has begun.
            let _ = ended.send(exit);
        });
        let child = spawned.map_err(|e| {
            let exhausted = matches!(e, SpawnError::Exhausted { .. });
            let reason = if exhausted { Reason::Exhausted } else { Reason::K3sNotStarted };
            Failure::caused(reason, "k3s was not started", &e)
        })?;
        let run = match (child.stdout, child.stderr) {
            (Some(stdout), Some(stderr)) => {
                let output = [OwnedFd::from(stdout), OwnedFd::from(stderr)];
                Self::follow(child.id, end, output.map(File::from))
            }
            _ => Err(Failure::new(Reason::K3sNotStarted, "k3s has no output that could be read")),
        };
        run.inspect_err(|_| {
            // Unread, it would hang at its first full pipe, and nobody would know of it.
            // False: it has ended already.
            let _ = broker.signal_group(child.id, Signal::SIGKILL);
        })
    }

    fn follow(child: ChildId, end: oneshot::Receiver<Exit>, output: [File; 2]) -> Result<Self, Failure> {
        let (tails, output) = ([Tail::new(KEPT_LINES), Tail::new(KEPT_LINES)], output.map(Arc::new));
        let (reading, read_all) = mpsc::channel(1);
        for ((name, stream), tail) in ["k3s-stdout", "k3s-stderr"].into_iter().zip(&output).zip(&tails) {
            pass_on(name, stream.clone(), tail, &reading)?;
        }
        let memory_kills = memory::kills();
        Ok(Self { child, since: Instant::now(), output, end, tails, read_all, memory_kills })
    }

    /// Waits for its end; `None` if nobody is left to tell it.
    pub async fn over(mut self) -> Option<Over> {
        let exit = self.end.await.ok()?;
        // Its last words may still be on their way. Nothing is ever sent: it returns when the last reader
        // is gone.
        let _ = tokio::time::timeout(DRAIN, self.read_all.recv()).await;
        Some(Over { exit, tails: self.tails, killed_for_memory: memory::kills() > self.memory_kills })
    }
}

impl Adopted {
    /// Process `pid`, which began at `began`, with its `output`. None: it has ended.
    pub fn new(broker: &Broker, pid: Pid, began: u64, output: [File; 2]) -> Option<Self> {
        let (ended, end) = oneshot::channel();
        let child = broker.adopt(pid, began, move |exit| {
            // As for one of our own.
            let _ = ended.send(exit);
        })?;
        Some(Self { child, end, output })
    }

    /// Reads its output from now on.
    pub fn follow(self) -> Result<Run, Failure> {
        Run::follow(self.child, self.end, self.output)
    }
}

/// Each line to the log and to `tail`. `reading` is let go of with the stream's end.
fn pass_on(
    name: &str,
    stream: impl Read + Send + 'static,
    tail: &Tail,
    reading: &mpsc::Sender<Infallible>,
) -> Result<(), Failure> {
    let (tail, reading) = (tail.clone(), reading.clone());
    let on_line = move |line: Line<'_>| {
        let _ = &reading;
        match line {
            Line::Text(line) => {
                info!(target: "k3s", "{line}");
                tail.push(line);
            }
            Line::Lost(lost) => {
                warn!(lines = lost.lines, bytes = lost.bytes, "k3s said more than could be passed on");
            }
        }
    };
    // The one thing that starting a thread can lack is room for it (`pthread_create(3)`, EAGAIN).
    lines::forward(name, stream, on_line).failing(Reason::Exhausted, || "k3s's output can't be read")
}

impl Over {
    /// What the end means, judged by the last lines. k3s logs to standard error, which therefore comes last.
    /// What process 1 did itself, it has `asked` for by a reason of its own.
    pub fn why(&self, asked: Option<Failure>) -> Failure {
        let exit = self.exit;
        if let Some(Failure { reason, message }) = asked {
            return Failure::new(reason, format!("{message}; it ended with {exit}"));
        }
        let lines: Vec<String> = self.tails.iter().flat_map(Tail::lines).collect();
        let reason = if self.killed_for_memory && exit == Exit::Signal(Signal::SIGKILL as i32) {
            Reason::OutOfMemory
        } else {
            cause::told_by(lines.iter().map(String::as_str)).unwrap_or(Reason::K3sExited)
        };
        let told = lines[lines.len().saturating_sub(TOLD_LINES)..].join(" | ");
        Failure::new(reason, format!("k3s ended by itself with {exit}: {told}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_end_means() {
        let killed = Exit::Signal(Signal::SIGKILL as i32);
        let hung = || Some(Failure::new(Reason::K3sHung, "its API was silent"));
        for (exit, killed_for_memory, asked, line, reason, told) in [
            (
                Exit::Code(1),
                false,
                None,
                "bye",
                Reason::K3sExited,
                "k3s ended by itself with exit code 1: bye",
            ),
            (
                Exit::Code(1),
                true,
                None,
                "x: bind: address already in use",
                Reason::K3sAddressInUse,
                "k3s ended by itself with exit code 1: x: bind: address already in use",
            ),
            (killed, true, None, "", Reason::OutOfMemory, "k3s ended by itself with signal SIGKILL: "),
            (killed, false, None, "", Reason::K3sExited, "k3s ended by itself with signal SIGKILL: "),
            // Ours, though the kernel killed a pod meanwhile.
            (killed, true, hung(), "", Reason::K3sHung, "its API was silent; it ended with signal SIGKILL"),
            (
                Exit::Code(0),
                false,
                hung(),
                "no space left on device",
                Reason::K3sHung,
                "its API was silent; it ended with exit code 0",
            ),
        ] {
            let tails = [Tail::new(1), Tail::new(1)];
            tails[1].push(line);
            let over = Over { exit, tails, killed_for_memory };
            assert_eq!(over.why(asked), Failure::new(reason, told), "{exit} {line}");
        }
    }
}
