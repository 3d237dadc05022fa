//! The stop ladder: ends everything in the PID namespace within one budget.
//!
//! | phase | until | what |
//! |---|---|---|
//! | k3s | 50 % | one SIGTERM to k3s (a second one makes it exit 1, k3s `pkg/signals`); then KILL |
//! | pods | 80 % | SIGTERM to the first process of each container, or KILL where it is deaf to that |
//! | rest | 95 % | KILL for all that is left, reaped to the last |
//! | flush | 100 % | `sync(2)`, not waited for longer |
//!
//! k3s comes first so that kubelet doesn't start again what it sees ending; k3s and pods then end side
//! by side. k3s leaves shims and pods running by design, so nobody else would end them. A phase ends as
//! soon as its condition holds.

use crate::{Broker, ChildId, proc};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// How often `/proc` is read while processes end that are not our children.
const POLL: Duration = Duration::from_millis(20);

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
}

impl Stop {
    /// Runs the ladder. `report` is called at the end of each phase.
    ///
    /// Signals go to all processes only when this is process 1 of a namespace of its own: anywhere else
    /// `kill(-1)` would end processes that are nobody's business here.
    pub fn run(&self, broker: &Broker, mut report: impl FnMut(PhaseEnd)) {
        let start = Instant::now();
        let at = |percent: u32| start + self.budget * percent / 100;
        let mut end =
            |name, in_time, detail| report(PhaseEnd { name, in_time, detail, elapsed: start.elapsed() });
        broker.close();

        if let Some(k3s) = self.k3s {
            let _ = broker.signal(k3s, Signal::SIGTERM);
        }
        let pods = end_pods();
        let k3s_gone = self.k3s.is_none_or(|k3s| self.wait_or_kill(broker, k3s, at(50)));
        end("k3s", k3s_gone, String::new());

        let left = self.wait_until_empty(broker, &pods, at(80));
        end("pods", left == 0, format!("{} containers, {left} had to be killed", pods.len()));

        let left = if crate::owns_namespace() { kill_rest(broker, at(95)) } else { 0 };
        end("rest", left == 0, format!("{left} processes left"));

        let flushed = flush(at(100));
        end("flush", flushed, String::new());
    }

    fn hurried(&self) -> bool {
        self.hurry.load(Ordering::Relaxed)
    }

    fn wait_or_kill(&self, broker: &Broker, child: ChildId, deadline: Instant) -> bool {
        while !self.hurried() && Instant::now() < deadline {
            if broker.wait_gone(child, deadline.min(Instant::now() + 5 * POLL)) {
                return true;
            }
        }
        let _ = broker.signal_group(child, Signal::SIGKILL);
        false
    }

    /// Waits until none of `pods` is left. Returns how many are.
    fn wait_until_empty(&self, broker: &Broker, pods: &[Pid], deadline: Instant) -> usize {
        loop {
            let alive = proc::all().iter().filter(|p| !p.zombie && pods.contains(&p.pid)).count();
            if alive == 0 || self.hurried() || Instant::now() >= deadline {
                return alive;
            }
            broker.wait_any(POLL);
        }
    }
}

/// Signals the first process of every container. Returns them all.
fn end_pods() -> Vec<Pid> {
    let inits = proc::container_inits(&proc::all());
    for process in &inits {
        let signal = if process.handles(Signal::SIGTERM) { Signal::SIGTERM } else { Signal::SIGKILL };
        // It may have ended by itself meanwhile: then there is nothing left to do.
        let _ = kill(process.pid, signal);
    }
    inits.into_iter().map(|p| p.pid).collect()
}

/// Kills whatever is left in the namespace, until nothing is. Returns how many are left.
fn kill_rest(broker: &Broker, deadline: Instant) -> usize {
    let me = Pid::this();
    loop {
        let left = proc::all().iter().filter(|p| p.pid != me).count();
        if left == 0 || Instant::now() >= deadline {
            return left;
        }
        // ESRCH: the last one ended in between.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        broker.wait_any(POLL);
    }
}

/// Writes out what the kernel holds back. Returns whether that was done before `deadline`; a slow disk
/// goes on by itself, since nothing here can hold it up.
fn flush(deadline: Instant) -> bool {
    let (done, wait) = mpsc::channel();
    let synced = std::thread::Builder::new().name("sync".to_owned()).spawn(move || {
        nix::unistd::sync();
        let _ = done.send(());
    });
    synced.is_ok() && wait.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok()
}
