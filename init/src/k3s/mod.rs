//! k3s: how it is started, and how it is kept running.

mod cause;
pub mod command_line;
pub mod liveness;
mod memory;
pub mod restart;
pub mod supervise;
