//! k3s: how it is started, and how it is kept running.

pub mod command_line;
pub mod restart;
pub mod supervise;
