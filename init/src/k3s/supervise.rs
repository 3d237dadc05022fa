//! Keeps k3s running.

use super::command_line::CommandLine;
use super::restart::{Policy, Verdict};
use super::{cause, memory};
use crate::board::Board;
use crate::failure::{Context, Failure};
use crate::stage::Stage;
use crate::tail::Tail;
use nix::sys::signal::Signal;
use openshell_contract::reason::Reason;
use openshell_contract::status::Phase;
use openshell_pid1::lines::{self, Line};
use openshell_pid1::{Broker, ChildId, Exit};
use std::convert::Infallible;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

const PROGRAM: &str = "/bin/k3s";
/// Last lines that are kept to find out why it ended, and how many of them are told.
const KEPT_LINES: usize = 30;
const TOLD_LINES: usize = 5;
/// How long k3s may take to end when it hangs.
const GRACE: Duration = Duration::from_secs(30);
/// How long the rest of its output may take: its children may hold the pipe open for ever.
const DRAIN: Duration = Duration::from_millis(200);

/// k3s, running or being started again.
#[derive(Clone)]
pub struct K3s {
    running: watch::Sender<Option<Running>>,
}

/// A k3s that runs.
#[derive(Clone, Copy)]
struct Running {
    child: ChildId,
    since: Instant,
}

impl K3s {
    /// k3s, not started yet.
    pub fn new() -> Self {
        Self { running: watch::Sender::new(None) }
    }

    /// Its process while it runs.
    pub fn child(&self) -> Option<ChildId> {
        self.running.borrow().map(|running| running.child)
    }

    /// When it was started, while it runs.
    pub fn running_since(&self) -> Option<Instant> {
        self.running.borrow().map(|running| running.since)
    }

    /// Ends it, so that it is started again: TERM, and KILL for whoever hangs too badly to hear it. Its
    /// pods go on.
    pub async fn end(&self, broker: &Broker) {
        let Some(child) = self.child() else { return };
        let mut running = self.running.subscribe();
        // It may have ended in this very moment.
        let _ = broker.signal(child, Signal::SIGTERM);
        let other = |now: &Option<Running>| now.is_none_or(|now| now.child != child);
        if tokio::time::timeout(GRACE, running.wait_for(other)).await.is_err() {
            let _ = broker.signal(child, Signal::SIGKILL);
        }
    }

    /// Starts k3s by `command` and keeps it running from then on.
    pub fn start(&self, board: &Board, broker: &Broker, command: CommandLine) -> Result<(), Failure> {
        let run = Run::spawn(board, broker, &command)?;
        self.running.send_replace(Some(run.running()));
        let (this, board, broker) = (self.clone(), board.clone(), broker.clone());
        tokio::spawn(async move { this.keep(&board, &broker, &command, run).await });
        Ok(())
    }

    async fn keep(&self, board: &Board, broker: &Broker, command: &CommandLine, mut run: Run) {
        let mut policy = Policy::default();
        loop {
            // The sender lives in the reaper until the exit is told.
            let Ok(exit) = run.end.await else { return };
            crate::fault::point("supervise");
            self.running.send_replace(None);
            // Its last words may still be on their way. Nothing is ever sent: it returns when the last
            // reader is gone.
            let _ = tokio::time::timeout(DRAIN, run.read_all.recv()).await;
            let ended = why(exit, &run.tails, memory::kills() > run.memory_kills);
            board.update(|status| status.k3s.pid = None);
            board.problem(Stage::K3s, &ended);
            run = loop {
                let Verdict::After(delay) = policy.exited(Instant::now(), rand::random()) else {
                    // A cause that is known says more than how often it struck.
                    let reason =
                        if ended.reason == Reason::K3sExited { Reason::K3sCrashLoop } else { ended.reason };
                    board.problem(Stage::K3s, &Failure { reason, ..ended });
                    board.enter(Phase::Failed);
                    return;
                };
                board.enter(Phase::Degraded);
                tokio::time::sleep(delay).await;
                match Run::spawn(board, broker, command) {
                    Ok(run) => break run,
                    Err(failure) => board.problem(Stage::K3s, &failure),
                }
            };
            self.running.send_replace(Some(run.running()));
            board.update(|status| status.k3s.restarts += 1);
            board.solved(Stage::K3s);
        }
    }
}

/// One run of k3s.
struct Run {
    child: ChildId,
    since: Instant,
    end: oneshot::Receiver<Exit>,
    tails: Tails,
    read_all: mpsc::Receiver<Infallible>,
    memory_kills: u64,
}

/// The last lines of standard output and of standard error, each by itself: nothing orders them, and one
/// must not push out the other.
type Tails = [Tail; 2];

/// What k3s's end means, judged by its last lines. It logs to standard error, which therefore comes last.
fn why(exit: Exit, tails: &Tails, killed_for_memory: bool) -> Failure {
    let lines: Vec<String> = tails.iter().flat_map(Tail::lines).collect();
    let reason = if killed_for_memory && exit == Exit::Signal(Signal::SIGKILL as i32) {
        Reason::OutOfMemory
    } else {
        cause::told_by(lines.iter().map(String::as_str)).unwrap_or(Reason::K3sExited)
    };
    let told = lines[lines.len().saturating_sub(TOLD_LINES)..].join(" | ");
    Failure::new(reason, format!("k3s ended by itself with {exit}: {told}"))
}

impl Run {
    fn running(&self) -> Running {
        Running { child: self.child, since: self.since }
    }

    fn spawn(board: &Board, broker: &Broker, line: &CommandLine) -> Result<Self, Failure> {
        let not_started = || format!("can't start {PROGRAM}");
        let mut command = Command::new(PROGRAM);
        command
            .args(&line.args)
            .envs(line.environment.iter().cloned())
            // k3s would tell a service manager that it is ready, long before the gateway is.
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let memory_kills = memory::kills();
        let (ended, end) = oneshot::channel();
        let mut child = broker
            .spawn(&mut command, move |exit| {
                // Nobody listens any more once a stop has begun.
                let _ = ended.send(exit);
            })
            .failing(Reason::K3sNotStarted, not_started)?;
        let tails = [Tail::new(KEPT_LINES), Tail::new(KEPT_LINES)];
        let (reading, read_all) = mpsc::channel::<Infallible>(1);
        let pass_on = |tail: Tail, reading: mpsc::Sender<Infallible>| {
            move |line: Line<'_>| {
                // Dropped with the reader, at the end of its stream.
                let _ = &reading;
                match line {
                    Line::Text(line) => {
                        info!(target: "k3s", "{line}");
                        tail.push(line);
                    }
                    Line::Lost(lost) => {
                        warn!(
                            lines = lost.lines,
                            bytes = lost.bytes,
                            "k3s said more than could be passed on"
                        );
                    }
                }
            }
        };
        if let Some(stdout) = child.stdout.take() {
            lines::forward("k3s-stdout", stdout, pass_on(tails[0].clone(), reading.clone()))
                .failing(Reason::K3sNotStarted, not_started)?;
        }
        if let Some(stderr) = child.stderr.take() {
            lines::forward("k3s-stderr", stderr, pass_on(tails[1].clone(), reading))
                .failing(Reason::K3sNotStarted, not_started)?;
        }
        board.update(|status| status.k3s.pid = u32::try_from(child.id.pid().as_raw()).ok());
        Ok(Self { child: child.id, since: Instant::now(), end, tails, read_all, memory_kills })
    }
}
