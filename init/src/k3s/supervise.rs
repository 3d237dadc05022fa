//! Keeps k3s running.

use super::command_line::CommandLine;
use super::restart::{Policy, Verdict};
use crate::board::Board;
use crate::failure::{Context, Failure};
use crate::stage::Stage;
use crate::tail::Tail;
use openshell_contract::reason::Reason;
use openshell_contract::status::Phase;
use openshell_pid1::lines::{self, Line};
use openshell_pid1::{Broker, ChildId, Exit};
use std::process::{Command, Stdio};
use std::time::Instant;
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

const PROGRAM: &str = "/bin/k3s";
/// Last lines that are kept to tell why it ended.
const KEPT_LINES: usize = 5;

/// k3s, running or being started again.
#[derive(Clone)]
pub struct K3s {
    child: watch::Sender<Option<ChildId>>,
}

impl K3s {
    /// k3s, not started yet.
    pub fn new() -> Self {
        Self { child: watch::Sender::new(None) }
    }

    /// Its process while it runs.
    pub fn child(&self) -> Option<ChildId> {
        *self.child.borrow()
    }

    /// Starts k3s by `command` and keeps it running from then on.
    pub fn start(&self, board: &Board, broker: &Broker, command: CommandLine) -> Result<(), Failure> {
        let run = Run::spawn(board, broker, &command)?;
        self.child.send_replace(Some(run.child));
        let (this, board, broker) = (self.clone(), board.clone(), broker.clone());
        tokio::spawn(async move { this.keep(&board, &broker, &command, run).await });
        Ok(())
    }

    async fn keep(&self, board: &Board, broker: &Broker, command: &CommandLine, mut run: Run) {
        let mut policy = Policy::default();
        loop {
            // The sender lives in the reaper until the exit is told.
            let Ok(exit) = run.end.await else { return };
            self.child.send_replace(None);
            let last = run.tail.joined();
            let ended = Failure::new(Reason::K3sExited, format!("k3s ended by itself with {exit}: {last}"));
            board.update(|status| status.k3s.pid = None);
            board.problem(Stage::K3s, &ended);
            run = loop {
                let Verdict::After(delay) = policy.exited(Instant::now()) else {
                    let failure = Failure { reason: Reason::K3sCrashLoop, ..ended };
                    board.problem(Stage::K3s, &failure);
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
            self.child.send_replace(Some(run.child));
            board.update(|status| status.k3s.restarts += 1);
            board.solved(Stage::K3s);
        }
    }
}

/// One run of k3s.
struct Run {
    child: ChildId,
    end: oneshot::Receiver<Exit>,
    tail: Tail,
}

impl Run {
    fn spawn(board: &Board, broker: &Broker, line: &CommandLine) -> Result<Self, Failure> {
        let not_started = || format!("can't start {PROGRAM}");
        let mut command = Command::new(PROGRAM);
        command
            .args(&line.args)
            .envs(line.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (ended, end) = oneshot::channel();
        let mut child = broker
            .spawn(&mut command, move |exit| {
                // Nobody listens any more once a stop has begun.
                let _ = ended.send(exit);
            })
            .failing(Reason::K3sNotStarted, not_started)?;
        let tail = Tail::new(KEPT_LINES);
        let pass_on = |tail: Tail| {
            move |line: Line<'_>| match line {
                Line::Text(line) => {
                    info!(target: "k3s", "{line}");
                    tail.push(line);
                }
                Line::Lost(lost) => {
                    warn!(lines = lost.lines, bytes = lost.bytes, "k3s said more than could be passed on");
                }
            }
        };
        if let Some(stdout) = child.stdout.take() {
            lines::forward("k3s-stdout", stdout, pass_on(tail.clone()))
                .failing(Reason::K3sNotStarted, not_started)?;
        }
        if let Some(stderr) = child.stderr.take() {
            lines::forward("k3s-stderr", stderr, pass_on(tail.clone()))
                .failing(Reason::K3sNotStarted, not_started)?;
        }
        board.update(|status| status.k3s.pid = u32::try_from(child.id.pid().as_raw()).ok());
        Ok(Self { child: child.id, end, tail })
    }
}
