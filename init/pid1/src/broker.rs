use crate::Exit;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

type OnExit = Box<dyn FnOnce(Exit) + Send>;

/// Spawns children and learns how each ended; cheap to clone.
#[derive(Clone, Default)]
pub struct Broker {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    table: Mutex<Table>,
    changed: Condvar,
}

#[derive(Default)]
struct Table {
    children: HashMap<Pid, OnExit>,
    closed: bool,
    orphans: u64,
}

/// A child that was started. Dropping it does nothing to the process.
#[derive(Debug)]
pub struct Child {
    /// Its process id, which is its process group too.
    pub pid: Pid,
    /// Its standard input, if it was piped.
    pub stdin: Option<ChildStdin>,
    /// Its standard output, if it was piped.
    pub stdout: Option<ChildStdout>,
    /// Its standard error, if it was piped.
    pub stderr: Option<ChildStderr>,
}

/// Why a child was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The broker was closed: a stop has begun.
    #[error("{program} was not started: a stop has begun")]
    Stopping {
        /// What should have been started.
        program: String,
    },
    /// The system refused.
    #[error("can't start {program}")]
    Os {
        /// What should have been started.
        program: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
}

impl Broker {
    /// Starts `command` as the leader of its own process group, so that a terminal's `^C` and a
    /// signal to the group of process 1 don't reach it. `std` gives it an empty signal mask and a
    /// default SIGPIPE; `execve(2)` resets the handlers. `on_exit` is called once, by the reaper.
    pub fn spawn(
        &self,
        command: &mut Command,
        on_exit: impl FnOnce(Exit) + Send + 'static,
    ) -> Result<Child, SpawnError> {
        let mut table = self.lock();
        if table.closed {
            return Err(SpawnError::Stopping { program: command_name(command) });
        }
        let mut child = command
            .process_group(0)
            .spawn()
            .map_err(|source| SpawnError::Os { program: command_name(command), source })?;
        let pid = Pid::from_raw(child.id().cast_signed());
        table.children.insert(pid, Box::new(on_exit));
        Ok(Child { pid, stdin: child.stdin.take(), stdout: child.stdout.take(), stderr: child.stderr.take() })
    }

    /// Sends `signal` to a child. Under the reaper's lock, and only while it is not reaped, so that
    /// it can't hit a process that got the number afterwards.
    ///
    /// Returns whether the child was still there.
    #[must_use]
    pub fn signal(&self, pid: Pid, signal: Signal) -> bool {
        let table = self.lock();
        table.children.contains_key(&pid) && kill(pid, signal).is_ok()
    }

    /// As [`Broker::signal`], to the child's whole process group.
    #[must_use]
    pub fn signal_group(&self, pid: Pid, signal: Signal) -> bool {
        let table = self.lock();
        table.children.contains_key(&pid) && kill(Pid::from_raw(-pid.as_raw()), signal).is_ok()
    }

    /// From now on nothing is started any more.
    pub fn close(&self) {
        self.lock().closed = true;
    }

    /// How many processes were reaped that somebody else had started.
    #[must_use]
    pub fn orphans(&self) -> u64 {
        self.lock().orphans
    }

    /// The children that are not reaped yet.
    #[must_use]
    pub fn children(&self) -> Vec<Pid> {
        self.lock().children.keys().copied().collect()
    }

    /// Waits until `pid` is reaped, at most until `deadline`. Returns whether it is.
    #[must_use]
    pub fn wait_gone(&self, pid: Pid, deadline: Instant) -> bool {
        let mut table = self.lock();
        loop {
            if !table.children.contains_key(&pid) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            table = self.wait_change(table, left);
        }
    }

    /// Waits for any process to be reaped, at most for `limit`.
    pub(crate) fn wait_any(&self, limit: Duration) {
        drop(self.wait_change(self.lock(), limit));
    }

    /// Reaps everything that has ended, and tells the spawners. Only the reaper's thread calls it.
    pub(crate) fn reap(&self) {
        let mut ended = Vec::new();
        let mut table = self.lock();
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(status) => {
                    let (Some(pid), Some(exit)) = (status.pid(), Exit::of(status)) else { break };
                    match table.children.remove(&pid) {
                        Some(on_exit) => ended.push((on_exit, exit)),
                        None => table.orphans += 1,
                    }
                }
                Err(Errno::EINTR) => {}
                // ECHILD: nothing left to wait for. No other error is possible with these arguments.
                Err(_) => break,
            }
        }
        drop(table);
        self.inner.changed.notify_all();
        for (on_exit, exit) in ended {
            on_exit(exit);
        }
    }

    fn wait_change<'a>(&self, table: MutexGuard<'a, Table>, limit: Duration) -> MutexGuard<'a, Table> {
        self.inner.changed.wait_timeout(table, limit).unwrap_or_else(PoisonError::into_inner).0
    }

    // A panic while the lock is held leaves the table whole: each change is one insert or remove.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn command_name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
