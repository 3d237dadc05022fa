//! Process 1 proper.
//!
//! One thread owns `waitpid`: it reaps every child of the process, those that it spawned and those
//! that the kernel handed over, and tells each spawner how its child ended. Children are spawned
//! under the same lock, so that a child can't be reaped before anybody knows it. There must be no
//! other waiter in the process: beside a `waitpid(-1)` loop any of them loses exit codes.
//!
//! - [`start`]: signals and the reaper, to be called first in `main`; [`detach`] right after it
//! - [`Broker`]: spawn, signal, and learn of exits
//! - [`lines`]: read a child's output without ever waiting for its end
//! - [`bounded`]: work that may hang in the kernel
//! - [`mountinfo`]: read the mount table
//! - [`stop`]: end everything in the PID namespace within a budget
//! - [`Broker::become_program`]: another program takes this one's place, and [`Broker::adopt`]s its children
//!
//! There is no async runtime here, no code in signal handlers but that of `signal-hook`, and no
//! `unsafe`.

pub mod bounded;
mod broker;
mod exit;
pub mod lines;
pub mod mountinfo;
mod oom;
pub mod proc;
mod signals;
pub mod stop;
mod successor;
mod surroundings;

pub use broker::{Broker, Child, ChildId, SpawnError};
pub use exit::Exit;
pub use signals::{Request, start};
pub use successor::{SuccessionError, Successor};
pub use surroundings::{detach, owns_namespace};
