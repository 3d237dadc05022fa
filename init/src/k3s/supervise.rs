//! Keeps k3s running.

use super::command_line::CommandLine;
use super::restart::{self, Policy, Verdict};
use super::run::{Adopted, Run};
use crate::board::Board;
use crate::clock::now_ms;
use crate::failure::Failure;
use crate::replace::handover::Inherited;
use crate::stage::Stage;
use nix::sys::signal::Signal;
use openshell_contract::reason::Reason;
use openshell_contract::status::{K3sEnd, Phase};
use openshell_pid1::{Broker, ChildId};
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long k3s may take to end when it hangs.
const GRACE: Duration = Duration::from_secs(30);
/// How long its last words may take after a stop.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// k3s, running or being started again; cheap to clone.
#[derive(Clone)]
pub struct K3s {
    running: watch::Sender<Option<Running>>,
    memory: Arc<Mutex<Memory>>,
}

/// A k3s that runs.
#[derive(Clone)]
pub struct Running {
    /// Its process.
    pub child: ChildId,
    /// Its standard output and standard error.
    pub output: [Arc<File>; 2],
    /// How it was started.
    pub command: Arc<CommandLine>,
    since: Instant,
}

/// How k3s is to run.
pub struct Start {
    /// Its command line.
    pub command: Arc<CommandLine>,
    /// It runs already.
    pub run: Option<Run>,
}

/// What is remembered from one run to the next.
#[derive(Default)]
struct Memory {
    policy: Policy,
    /// Which one process 1 ends itself, and why.
    asked: Option<(ChildId, Failure)>,
}

impl K3s {
    /// k3s, not started yet.
    pub fn new() -> Self {
        Self { running: watch::Sender::new(None), memory: Arc::default() }
    }

    /// Its process while it runs.
    pub fn child(&self) -> Option<ChildId> {
        self.running.borrow().as_ref().map(|running| running.child)
    }

    /// What is known of it while it runs.
    pub fn running(&self) -> Option<Running> {
        self.running.borrow().clone()
    }

    /// When it was started, while it runs.
    pub fn running_since(&self) -> Option<Instant> {
        self.running.borrow().as_ref().map(|running| running.since)
    }

    /// It is well. Once it has been for long, earlier ends are forgiven and no more told of.
    pub fn well(&self, board: &Board) {
        if self.lock().policy.well(Instant::now()) && board.status().k3s.last_end.is_some() {
            board.update(|status| status.k3s.last_end = None);
        }
    }

    /// It runs and is not well.
    pub fn unwell(&self) {
        self.lock().policy.unwell();
    }

    /// Ends it for a reason, so that it is started again: TERM, and KILL for whoever hangs too badly to hear
    /// it. Its pods go on.
    pub async fn end(&self, broker: &Broker, why: Failure) {
        let Some(child) = self.child() else { return };
        self.lock().asked = Some((child, why));
        let mut running = self.running.subscribe();
        // It may have ended in this very moment.
        let _ = broker.signal(child, Signal::SIGTERM);
        let other = |now: &Option<Running>| now.as_ref().is_none_or(|now| now.child != child);
        if tokio::time::timeout(GRACE, running.wait_for(other)).await.is_err() {
            let _ = broker.signal(child, Signal::SIGKILL);
        }
    }

    /// Waits, once it has been ended, until its last words are in the log.
    pub async fn told(&self) {
        let _ = tokio::time::timeout(LAST_WORDS, self.running.subscribe().wait_for(Option::is_none)).await;
    }

    /// Takes over what the process 1 before has left: from now on, a stop ends it too.
    pub fn take_over(&self, inherited: Inherited) -> Result<Start, Failure> {
        let command = Arc::new(inherited.command);
        let run = inherited.k3s.map(Adopted::follow).transpose()?;
        if let Some(run) = &run {
            self.runs(run, command.clone());
        }
        Ok(Start { command, run })
    }

    /// Starts k3s and keeps it running from then on.
    pub async fn start(&self, board: &Board, broker: &Broker, start: Start) -> Result<(), Failure> {
        let Start { command, run } = start;
        let run = match run {
            Some(run) => run,
            None => self.spawn(board, broker, &command).await?,
        };
        board.update(|status| status.k3s.pid = u32::try_from(run.child.pid().as_raw()).ok());
        let (this, board, broker) = (self.clone(), board.clone(), broker.clone());
        tokio::spawn(async move { this.keep(&board, &broker, &command, run).await });
        Ok(())
    }

    fn runs(&self, run: &Run, command: Arc<CommandLine>) {
        let Run { child, since, output, .. } = run;
        let running = Running { child: *child, since: *since, output: output.clone(), command };
        self.running.send_replace(Some(running));
    }

    /// Starts a run. What the system lacks for the moment, it waits for: only somebody else can end that,
    /// and no other attempt would do better.
    async fn spawn(
        &self,
        board: &Board,
        broker: &Broker,
        command: &Arc<CommandLine>,
    ) -> Result<Run, Failure> {
        let mut attempts = 0;
        loop {
            match Run::spawn(broker, command) {
                Ok(run) => {
                    self.runs(&run, command.clone());
                    return Ok(run);
                }
                Err(failure) if failure.reason == Reason::Exhausted => {
                    board.problem(Stage::K3s, &failure);
                    board.enter(Phase::Degraded);
                    attempts += 1;
                    tokio::time::sleep(restart::delay(attempts, rand::random())).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn keep(&self, board: &Board, broker: &Broker, command: &Arc<CommandLine>, mut run: Run) {
        loop {
            let child = run.child;
            let Some(over) = run.over().await else { return };
            crate::fault::point("supervise");
            self.running.send_replace(None);
            let asked = self.lock().asked.take_if(|(asked, _)| *asked == child).map(|(_, why)| why);
            let mut failure = over.why(asked);
            board.update(|status| {
                status.k3s.pid = None;
                let (reason, message) = (failure.reason, failure.message.clone());
                status.k3s.last_end = Some(K3sEnd { at_ms: now_ms(), reason, message });
            });
            board.problem(Stage::K3s, &failure);
            run = loop {
                // Its own borrow: the lock must not be held while it waits.
                let verdict = self.lock().policy.ended(rand::random());
                let Verdict::After(delay) = verdict else {
                    board.problem(Stage::K3s, &given_up(failure));
                    board.enter(Phase::Failed);
                    return;
                };
                board.enter(Phase::Degraded);
                tokio::time::sleep(delay).await;
                match self.spawn(board, broker, command).await {
                    Ok(run) => break run,
                    Err(next) => {
                        board.problem(Stage::K3s, &next);
                        failure = next;
                    }
                }
            };
            board.update(|status| {
                status.k3s.pid = u32::try_from(run.child.pid().as_raw()).ok();
                status.k3s.restarts += 1;
            });
            board.solved(Stage::K3s);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told when nothing more is tried: a cause that is known says more than how often it struck.
fn given_up(last: Failure) -> Failure {
    let reason = if last.reason == Reason::K3sExited { Reason::K3sCrashLoop } else { last.reason };
    Failure { reason, ..last }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_failure_is_what_is_given_up_for() {
        for (last, told) in [
            (Reason::K3sExited, Reason::K3sCrashLoop),
            (Reason::DiskFull, Reason::DiskFull),
            (Reason::K3sNotStarted, Reason::K3sNotStarted),
        ] {
            assert_eq!(given_up(Failure::new(last, "m")), Failure::new(told, "m"));
        }
    }
}
