mod core;
mod error;
mod kernel;

pub use self::core::ChildId;
pub use error::SpawnError;

/// The locks of the real thing; the model brings its own.
mod sync {
    pub use std::sync::{Condvar, Mutex, MutexGuard};
}

use self::core::Core;
use crate::successor::Waiting;
use crate::{Exit, oom, proc};
use kernel::Linux;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Spawns children and learns how each ended; cheap to clone.
#[derive(Clone)]
pub struct Broker {
    core: Arc<Core<Linux>>,
    successor: Arc<Mutex<Option<Waiting>>>,
}

/// A child that was started. Dropping it does nothing to the process.
#[derive(Debug)]
pub struct Child {
    /// Which one it is.
    pub id: ChildId,
    /// Its standard input, if it was piped.
    pub stdin: Option<ChildStdin>,
    /// Its standard output, if it was piped.
    pub stdout: Option<ChildStdout>,
    /// Its standard error, if it was piped.
    pub stderr: Option<ChildStderr>,
}

impl Broker {
    pub(crate) fn new() -> Self {
        Self { core: Arc::new(Core::new(Linux::default())), successor: Arc::default() }
    }

    /// Starts `command` as the leader of its own process group, so that a terminal's `^C` and a
    /// signal to the group of process 1 don't reach it. Its signal mask is empty, and SIGPIPE is its default
    /// (by `std`); `execve(2)` resets the handlers. `on_exit` is called once, by the reaper, and must not
    /// block.
    ///
    /// There is no death signal (`PR_SET_PDEATHSIG`): the kernel ends the namespace with its process 1
    /// anyway, and the signal would come when the *thread* ends that called this (`prctl(2)`).
    ///
    /// Lacking a process, descriptor or memory, it tries again for a second; the reaper goes on meanwhile.
    pub fn spawn(
        &self,
        command: &mut Command,
        on_exit: impl FnOnce(Exit) + Send + 'static,
    ) -> Result<Child, SpawnError> {
        let (id, mut child) =
            self.core.spawn(command.process_group(0), Box::new(on_exit)).map_err(|refusal| {
                SpawnError::new(command.get_program().to_string_lossy().into_owned(), refusal)
            })?;
        Ok(Child { id, stdin: child.stdin.take(), stdout: child.stdout.take(), stderr: child.stderr.take() })
    }

    /// Takes over a child of the program that was in this one's place before ([`Broker::become_program`]): the
    /// process `pid` that [began](proc::began) at `began`. None if it was reaped already; then nobody can tell how it
    /// ended.
    #[must_use]
    pub fn adopt(
        &self,
        pid: Pid,
        began: u64,
        on_exit: impl FnOnce(Exit) + Send + 'static,
    ) -> Option<ChildId> {
        self.core.adopt(pid, || proc::began(pid) == Some(began), Box::new(on_exit))
    }

    /// From now on nothing is started any more, and all children but `kept` are killed with their groups. Returns
    /// whether they are reaped by `deadline`.
    #[must_use]
    pub fn end_others(&self, kept: ChildId, deadline: Instant) -> bool {
        self.core.close();
        self.core.end_others(kept, deadline)
    }

    /// Sends `signal` to a child. Under the reaper's lock, and only while it is not reaped, so that
    /// it can't hit a process that got the number afterwards.
    ///
    /// Returns whether the child was still there.
    #[must_use]
    pub fn signal(&self, child: ChildId, signal: Signal) -> bool {
        self.core.signal(child, signal, false)
    }

    /// As [`Broker::signal`], to the child's whole process group.
    #[must_use]
    pub fn signal_group(&self, child: ChildId, signal: Signal) -> bool {
        self.core.signal(child, signal, true)
    }

    /// From now on nothing is started any more.
    pub fn close(&self) {
        self.core.close();
    }

    /// How many processes were reaped that somebody else had started.
    #[must_use]
    pub fn orphans(&self) -> u64 {
        self.core.orphans()
    }

    /// The children that are not reaped yet.
    #[must_use]
    pub fn children(&self) -> Vec<Pid> {
        self.core.children()
    }

    /// Waits until `child` is reaped, at most until `deadline`. Returns whether it is; its `on_exit` may
    /// be just about to be called.
    #[must_use]
    pub fn wait_gone(&self, child: ChildId, deadline: Instant) -> bool {
        self.core.wait_gone(child, deadline)
    }

    /// Takes this process out of the kernel's choice when memory is short, as far as it is allowed; its
    /// children are started with the `oom_score_adj` that it had before.
    ///
    /// # Errors
    /// The value can't be lowered, for want of `CAP_SYS_RESOURCE`: then all stays as it is.
    pub fn protect_from_oom(&self) -> io::Result<()> {
        let before = oom::own()?;
        oom::set("self", oom::NEVER)?;
        self.set_children_oom_score(before);
        Ok(())
    }

    /// The `oom_score_adj` that children are started with, if it is another one than this process's.
    #[must_use]
    pub fn children_oom_score(&self) -> Option<i32> {
        self.core.kernel.children_oom_score.get().copied()
    }

    /// Sets it, once.
    pub fn set_children_oom_score(&self, score: i32) {
        // The first value stays: a later one is this process's own.
        let _ = self.core.kernel.children_oom_score.set(score);
    }

    pub(crate) fn succeed(&self, next: Waiting) {
        *self.successor.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }

    /// Takes what [`Broker::succeed`] has left.
    pub(crate) fn successor(&self) -> Option<Waiting> {
        self.successor.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits for any process to be reaped, at most for `limit`.
    pub(crate) fn wait_any(&self, limit: Duration) {
        self.core.wait_any(limit);
    }

    /// Reaps everything that has ended, and tells the spawners. Only the reaper's thread calls it.
    pub(crate) fn reap(&self) {
        self.core.reap();
    }
}
