//! What the table of children asks of the system, answered by Linux.

use super::core::Kernel;
use crate::{Exit, oom};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::unistd::Pid;
use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, WaitOptions, wait, waitid};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;

/// The real one.
#[derive(Default)]
pub struct Linux {
    /// The `oom_score_adj` that children get, once that of this process is another.
    pub children_oom_score: OnceLock<i32>,
}

impl Kernel for Linux {
    type Command = Command;
    type Child = Child;

    fn spawn(&self, command: &mut Command) -> io::Result<(Pid, Child)> {
        // A child inherits the mask of the thread that starts it.
        let own = SigSet::empty().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let child = command.spawn();
        // Nothing but a wrong argument can fail here (`pthread_sigmask(3)`), and the child would be nobody's.
        let _ = own.thread_set_mask();
        let child = child?;
        let pid = Pid::from_raw(child.id().cast_signed());
        if let Some(score) = self.children_oom_score.get() {
            // To raise it is always allowed. The child may have ended already.
            let _ = oom::set(&pid.to_string(), *score);
        }
        Ok((pid, child))
    }

    /// `rustix`, not `nix`: that one has no name for a real-time signal, reports a child that died by
    /// one as an error, and its status would be lost.
    fn wait(&self) -> Option<(Pid, Exit)> {
        loop {
            // Stopped and continued children aren't asked for (`WUNTRACED`): they have not ended.
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    if let Some(exit) = Exit::of(ExitStatus::from_raw(status.as_raw())) {
                        return Some((Pid::from_raw(pid.as_raw_nonzero().get()), exit));
                    }
                }
                Err(Errno::INTR) => {}
                // Nothing has ended, or (ECHILD) nothing is left that could. No other error is possible
                // with these arguments.
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Looks without taking the status (`waitid(2)`, WNOWAIT); ECHILD: it is no child.
    fn has(&self, child: Pid) -> bool {
        let Some(pid) = rustix::process::Pid::from_raw(child.as_raw()) else { return false };
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(pid), look) {
                Err(Errno::INTR) => {}
                seen => return seen.is_ok(),
            }
        }
    }

    fn kill(&self, target: Pid, signal: Signal) -> bool {
        kill(target, signal).is_ok()
    }
}
