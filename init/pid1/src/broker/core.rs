//! The table of children and its lock: everything about them that several threads could get wrong.
//!
//! It knows neither the system (`Kernel`) nor its locks (`super::sync`), so that
//! `tests/model.rs` can run this very file on a scheduler that tries the interleavings.

use super::sync::{Condvar, Mutex, MutexGuard};
use crate::Exit;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::collections::HashMap;
use std::io;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

pub type OnExit = Box<dyn FnOnce(Exit) + Send>;

/// How long a spawn may wait for processes, descriptors or memory to become free.
const EXHAUSTED_LIMIT: Duration = Duration::from_secs(1);
/// How long it waits at most before it tries again; a reaped process lets it try at once.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// The system, or a model of it.
pub trait Kernel {
    /// What is to be started.
    type Command;
    /// What a start gives besides the process id.
    type Child;
    /// Starts a process.
    fn spawn(&self, command: &mut Self::Command) -> io::Result<(Pid, Self::Child)>;
    /// Takes the status of a process that has ended, if there is one.
    fn wait(&self) -> Option<(Pid, Exit)>;
    /// Whether there is a child that is not reaped yet.
    fn has(&self, child: Pid) -> bool;
    /// Signals a process, or a group by its negative number. Returns whether there was one.
    fn kill(&self, target: Pid, signal: Signal) -> bool;
}

/// Names one child for ever. A process id doesn't: it is given to another process after the reaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildId {
    pid: Pid,
    serial: u64,
}

impl ChildId {
    /// Its process id, which is its process group too. For people: what is done to the child takes the
    /// [`ChildId`].
    #[must_use]
    pub const fn pid(self) -> Pid {
        self.pid
    }
}

/// Why the table started nothing.
pub enum Refusal {
    Closed,
    Os(io::Error),
}

pub struct Core<K> {
    pub kernel: K,
    table: Mutex<Table>,
    changed: Condvar,
}

#[derive(Default)]
struct Table {
    children: HashMap<Pid, (u64, OnExit)>,
    started: u64,
    closed: bool,
    orphans: u64,
}

impl Table {
    fn holds(&self, child: ChildId) -> bool {
        self.children.get(&child.pid).is_some_and(|(serial, _)| *serial == child.serial)
    }
}

impl<K: Kernel> Core<K> {
    pub fn new(kernel: K) -> Self {
        Self { kernel, table: Mutex::new(Table::default()), changed: Condvar::new() }
    }

    /// Starts a child and enters it into the table under one lock, so that it can't be reaped before.
    pub fn spawn(&self, command: &mut K::Command, on_exit: OnExit) -> Result<(ChildId, K::Child), Refusal> {
        let deadline = Instant::now() + EXHAUSTED_LIMIT;
        let mut table = self.lock();
        loop {
            if table.closed {
                return Err(Refusal::Closed);
            }
            match self.kernel.spawn(command) {
                Ok((pid, child)) => {
                    table.started += 1;
                    let serial = table.started;
                    table.children.insert(pid, (serial, on_exit));
                    return Ok((ChildId { pid, serial }, child));
                }
                Err(e) if is_exhaustion(&e) && Instant::now() < deadline => {
                    table = self.wait_change(table, EXHAUSTED_PAUSE);
                }
                Err(e) => return Err(Refusal::Os(e)),
            }
        }
    }

    /// Enters a child that was started before this table was there, unless it has been reaped. `is_it` tells it
    /// from another one with its number.
    pub fn adopt(&self, pid: Pid, is_it: impl Fn() -> bool, on_exit: OnExit) -> Option<ChildId> {
        let mut table = self.lock();
        if table.children.contains_key(&pid) || !self.kernel.has(pid) || !is_it() {
            return None;
        }
        table.started += 1;
        let serial = table.started;
        table.children.insert(pid, (serial, on_exit));
        Some(ChildId { pid, serial })
    }

    /// Signals a child, or its whole group. Not reaped yet, it still owns its number.
    pub fn signal(&self, child: ChildId, signal: Signal, group: bool) -> bool {
        let table = self.lock();
        let target = if group { Pid::from_raw(-child.pid.as_raw()) } else { child.pid };
        table.holds(child) && self.kernel.kill(target, signal)
    }

    pub fn close(&self) {
        self.lock().closed = true;
    }

    pub fn orphans(&self) -> u64 {
        self.lock().orphans
    }

    pub fn children(&self) -> Vec<Pid> {
        self.lock().children.keys().copied().collect()
    }

    /// Kills all children but `kept`, with their groups, and waits until they are reaped, at most until `deadline`.
    /// Returns whether they are. The table is to be closed.
    pub fn end_others(&self, kept: ChildId, deadline: Instant) -> bool {
        let mut table = self.lock();
        for pid in table.children.keys().filter(|pid| **pid != kept.pid) {
            // Not reaped yet, it still owns its number.
            let _ = self.kernel.kill(Pid::from_raw(-pid.as_raw()), Signal::SIGKILL);
        }
        loop {
            if table.children.keys().all(|pid| *pid == kept.pid) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            table = self.wait_change(table, left);
        }
    }

    pub fn wait_gone(&self, child: ChildId, deadline: Instant) -> bool {
        let mut table = self.lock();
        loop {
            if !table.holds(child) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            table = self.wait_change(table, left);
        }
    }

    pub fn wait_any(&self, limit: Duration) {
        drop(self.wait_change(self.lock(), limit));
    }

    /// Reaps until nothing is left: one SIGCHLD may stand for any number of ends.
    pub fn reap(&self) {
        let mut ended = Vec::new();
        let mut table = self.lock();
        while let Some((pid, exit)) = self.kernel.wait() {
            match table.children.remove(&pid) {
                Some((_, on_exit)) => ended.push((on_exit, exit)),
                None => table.orphans += 1,
            }
        }
        drop(table);
        self.changed.notify_all();
        for (on_exit, exit) in ended {
            on_exit(exit);
        }
    }

    fn wait_change<'a>(&self, table: MutexGuard<'a, Table>, limit: Duration) -> MutexGuard<'a, Table> {
        self.changed.wait_timeout(table, limit).unwrap_or_else(PoisonError::into_inner).0
    }

    // A panic while the lock is held leaves the table whole: each change is one insert or remove.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What passes by itself when somebody else ends or lets go (`fork(2)`, `pipe(2)`).
pub fn is_exhaustion(error: &io::Error) -> bool {
    use nix::libc::{EAGAIN, EMFILE, ENFILE, ENOMEM};
    matches!(error.raw_os_error(), Some(EAGAIN | EMFILE | ENFILE | ENOMEM))
}
