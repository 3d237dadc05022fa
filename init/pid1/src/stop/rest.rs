//! Whatever is left in the namespace: killed, and reaped to the last.

use super::POLL;
use crate::{Broker, proc};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fmt;
use std::time::Instant;

/// What became of the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// Processes that were there.
    pub killed: usize,
    /// Processes that are still there, zombies that nobody can reap included: one that is traced, or
    /// sleeps in the kernel, ends when its time comes, and no stop waits for that.
    pub left: usize,
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} killed, {} left", self.killed, self.left)
    }
}

/// Kills all but this process, again and again until nobody is left: a process may fork before it is hit.
pub fn kill_all(broker: &Broker, deadline: Instant) -> Rest {
    let me = Pid::this();
    let mut killed = 0;
    loop {
        let left = proc::all().iter().filter(|p| p.pid != me).count();
        killed = killed.max(left);
        if left == 0 || Instant::now() >= deadline {
            return Rest { killed, left };
        }
        // ESRCH: the last one ended in between.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        broker.wait_any(POLL);
    }
}
