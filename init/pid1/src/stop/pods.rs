//! Pods: told to end, and given their time.

use super::POLL;
use crate::{Broker, proc};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Signals the first process of every container. Returns them all.
///
/// Whoever doesn't handle TERM is deaf to it as process 1 of its namespace (`pid_namespaces(7)`): waiting
/// for it would be in vain.
pub fn signal_all() -> Vec<Pid> {
    let inits = proc::container_inits(&proc::all());
    for process in &inits {
        let signal = if process.handles(Signal::SIGTERM) { Signal::SIGTERM } else { Signal::SIGKILL };
        // It may have ended by itself meanwhile: then there is nothing left to do.
        let _ = kill(process.pid, signal);
    }
    inits.into_iter().map(|p| p.pid).collect()
}

/// Waits until none of `pods` is left, or it `is_over`. Returns how many are.
pub fn wait(broker: &Broker, pods: &[Pid], is_over: impl Fn() -> bool) -> usize {
    loop {
        let alive = proc::all().iter().filter(|p| !p.zombie && pods.contains(&p.pid)).count();
        if alive == 0 || is_over() {
            return alive;
        }
        broker.wait_any(POLL);
    }
}
