//! Follows a gateway on its way to ready.
//!
//! PID 1 tells each change of its status as it happens; beside that Docker is asked now and then
//! whether the container still runs, because a container that crashes tells nothing.

mod stuck;
mod tracker;

pub use stuck::Stuck;
pub use tracker::{Event, Tracker};

use crate::docker::observe::{self, Run};
use crate::docker::{Engine, Watch};
use crate::error::Error;
use crate::plan::State;
use crate::ui::Steps;
use openshell_contract::status::{Phase, Status};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

/// How often Docker is asked about the container, and a lost status stream is asked for again.
const LOOK: Duration = Duration::from_millis(250);
/// How often Docker may start the container again by itself before it counts as a crash loop.
const CRASHES: i64 = 2;

/// Waits until the gateway in `container` is ready; gives its status.
///
/// # Errors
/// Inner: why it will not become ready, or did not within `timeout`. Outer: Docker can't be asked.
pub async fn until_ready(
    engine: &Engine,
    container: &str,
    timeout: Duration,
    steps: &mut Steps,
) -> Result<Result<Status, Stuck>, Error> {
    let deadline = Instant::now() + timeout;
    let mut follower = Follower { engine, container, tracker: Tracker::default(), restarts: None };
    match timeout_at(deadline, follower.run(steps)).await {
        Ok(result) => result,
        Err(_) => {
            Ok(Err(Stuck::Timeout { after: timeout, status: follower.tracker.into_status().map(Box::new) }))
        }
    }
}

struct Follower<'a> {
    engine: &'a Engine,
    container: &'a str,
    tracker: Tracker,
    /// How often Docker had restarted the container when the wait began.
    restarts: Option<i64>,
}

impl Follower<'_> {
    async fn run(&mut self, steps: &mut Steps) -> Result<Result<Status, Stuck>, Error> {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watch: Option<Watch> = None;
        loop {
            tokio::select! {
                line = next_line(&mut watch) => match line {
                    None => watch = None,
                    Some(line) => {
                        // A line that is no status belongs to an init of another release: ignored.
                        let Ok(status) = serde_json::from_str::<Status>(&line) else { continue };
                        if let Some(end) = self.judge(status, steps) {
                            return Ok(end);
                        }
                    }
                },
                _ = look.tick() => {
                    if let Some(stuck) = self.look().await? {
                        return Ok(Err(stuck));
                    }
                    if watch.is_none() {
                        // Until PID 1 listens this fails; the next tick tries again.
                        watch = self.engine.watch(self.container, &["status", "--watch"]).await.ok();
                    }
                    steps.tick();
                }
            }
        }
    }

    fn judge(&mut self, status: Status, steps: &mut Steps) -> Option<Result<Status, Stuck>> {
        for event in self.tracker.update(&status) {
            steps.event(&event);
        }
        match status.phase {
            Phase::Ready => Some(Ok(status)),
            Phase::Failed => Some(Err(Stuck::Failed(Box::new(status)))),
            Phase::Stopping => Some(Err(Stuck::Stopping)),
            Phase::Starting | Phase::Degraded => None,
        }
    }

    async fn look(&mut self) -> Result<Option<Stuck>, Error> {
        let Some(inspected) = self.engine.inspect(self.container).await? else {
            return Ok(Some(Stuck::Gone));
        };
        let run = observe::run(&inspected);
        let before = *self.restarts.get_or_insert(run.restarts);
        Ok(crash(before, run))
    }
}

/// Whether the container crashed, given how often Docker had restarted it `before`.
fn crash(before: i64, run: Run) -> Option<Stuck> {
    let restarts = run.restarts - before;
    let ended = matches!(run.state, State::Exited | State::Dead | State::Removing);
    (ended || restarts >= CRASHES).then_some(Stuck::Crashed {
        exit_code: run.exit_code,
        restarts,
        out_of_memory: run.out_of_memory,
    })
}

/// The next line of `watch`; for ever nothing when there is none.
async fn next_line(watch: &mut Option<Watch>) -> Option<String> {
    match watch {
        Some(watch) => watch.line().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: State, restarts: i64) -> Run {
        Run { state, restarts, exit_code: 3, out_of_memory: false }
    }

    #[test]
    fn an_end_or_a_second_restart_is_a_crash() {
        assert!(crash(0, run(State::Running, 0)).is_none());
        assert!(crash(0, run(State::Restarting, 1)).is_none());
        assert!(crash(5, run(State::Running, 6)).is_none());
        assert!(crash(0, run(State::Restarting, 2)).is_some());
        assert!(crash(0, run(State::Exited, 0)).is_some());
        assert!(crash(0, run(State::Paused, 0)).is_none());
    }
}
