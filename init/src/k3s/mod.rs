//! k3s: how it is started, and how it is kept running.

mod cause;
pub mod command_line;
pub mod liveness;
mod memory;
mod restart;
pub mod run;
pub mod supervise;
