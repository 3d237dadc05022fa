//! The stop ladder: ends everything in the PID namespace within one budget.
//!
//! | phase | until | what |
//! |---|---|---|
//! | quiesce | | nothing is started any more |
//! | k3s | 40 % | one SIGTERM to k3s (a second one makes it exit 1, k3s `pkg/signals`); then KILL |
//! | pods | 40 % | beside it: SIGTERM to the first process of each container, or KILL where it is deaf to that |
//! | rest | 70 % | KILL for all that is left, reaped to the last |
//! | unmount | 90 % | what pods and containerd had mounted, innermost first; not waited for longer |
//! | flush | 100 % | `sync(2)`, not waited for longer |
//!
//! k3s comes first so that kubelet doesn't start again what it sees ending; k3s and pods then end side
//! by side. k3s leaves shims and pods running by design, so nobody else would end them. A phase ends as
//! soon as its condition holds; one that takes longer takes the time from the next one, never from the whole.

mod pods;
mod rest;
mod unmount;

use crate::{Broker, ChildId, bounded};
use nix::sys::signal::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often `/proc` is read while processes end that are not our children.
const POLL: Duration = Duration::from_millis(20);
/// Until when each phase may last, in percent of the budget.
const PODS_UNTIL: u32 = 40;
const REST_UNTIL: u32 = 70;
const UNMOUNT_UNTIL: u32 = 90;

/// What a stop has to end, and in what time.
#[derive(Clone, Debug)]
pub struct Stop {
    /// k3s, if it runs.
    pub k3s: Option<ChildId>,
    /// Time for all of it.
    pub budget: Duration,
    /// Set when somebody asks to hurry: waiting ends, KILL comes at once.
    pub hurry: Arc<AtomicBool>,
}

/// A phase that ended, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseEnd {
    /// Its name.
    pub name: &'static str,
    /// Whether it ended by its condition rather than by its deadline.
    pub in_time: bool,
    /// What was found, for people.
    pub detail: String,
    /// Time since the stop began.
    pub elapsed: Duration,
    /// What is left of the budget.
    pub left: Duration,
}

impl Stop {
    /// Runs the ladder. `report` is called at the end of each phase.
    ///
    /// Signals go to all processes, and mounts end, only when this is process 1 of a namespace of its own:
    /// anywhere else both would concern processes that are nobody's business here.
    pub fn run(&self, broker: &Broker, mut report: impl FnMut(PhaseEnd)) {
        let start = Instant::now();
        let at = |percent: u32| start + self.budget * percent / 100;
        let mut end = |name, in_time, detail| {
            let elapsed = start.elapsed();
            report(PhaseEnd { name, in_time, detail, elapsed, left: self.budget.saturating_sub(elapsed) });
        };
        broker.close();
        end("quiesce", true, "nothing is started any more".to_owned());

        if let Some(k3s) = self.k3s {
            // It may be ending by itself at this moment.
            let _ = broker.signal(k3s, Signal::SIGTERM);
        }
        let pods = pods::signal_all();
        let ended = self.k3s.is_none_or(|k3s| self.wait_or_kill(broker, k3s, at(PODS_UNTIL)));
        end("k3s", ended, (if ended { "ended" } else { "killed" }).to_owned());
        let left = pods::wait(broker, &pods, || self.is_over(at(PODS_UNTIL)));
        end("pods", left == 0, format!("{} containers, {left} of them to be killed", pods.len()));

        if crate::owns_namespace() {
            let rest = rest::kill_all(broker, at(REST_UNTIL));
            end("rest", rest.left == 0, rest.to_string());
            let until = at(UNMOUNT_UNTIL);
            let unmounted = bounded::by(until, "unmount", move || unmount::all(until));
            let told = unmounted.map_or("one hangs".to_owned(), |unmounted| unmounted.to_string());
            end("unmount", unmounted.is_some_and(|unmounted| unmounted.busy == 0), told);
        }
        let flushed = bounded::by(at(100), "sync", nix::unistd::sync).is_some();
        end("flush", flushed, (if flushed { "on disk" } else { "still being written" }).to_owned());
    }

    fn is_over(&self, deadline: Instant) -> bool {
        self.hurry.load(Ordering::Relaxed) || Instant::now() >= deadline
    }

    fn wait_or_kill(&self, broker: &Broker, child: ChildId, deadline: Instant) -> bool {
        while !self.is_over(deadline) {
            if broker.wait_gone(child, deadline.min(Instant::now() + 5 * POLL)) {
                return true;
            }
        }
        // False: it has just ended, so there was nothing to kill.
        !broker.signal_group(child, Signal::SIGKILL)
    }
}
