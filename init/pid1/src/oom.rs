//! The kernel's choice when memory is short (`proc_pid_oom_score_adj(5)`).

use std::{fs, io};

/// The lowest value: never chosen.
pub const NEVER: i32 = -1000;

/// The value of this process.
pub fn own() -> io::Result<i32> {
    fs::read_to_string("/proc/self/oom_score_adj")?.trim().parse().map_err(io::Error::other)
}

/// Sets the value of a process, by its number or `self`.
pub fn set(process: &str, score: i32) -> io::Result<()> {
    fs::write(format!("/proc/{process}/oom_score_adj"), score.to_string())
}
