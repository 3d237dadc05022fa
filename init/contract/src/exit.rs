//! Exit codes of `openshell-init`.
//!
//! Docker restarts a container under `unless-stopped` whatever its code was, so PID 1 stays up and
//! reports instead of exiting; these codes are for what ends it all the same. The values from 64 on
//! are those of `sysexits.h` and do not collide with k3s, which uses 0, 1, 2 and 255.

/// A requested stop, whatever it took; or a subcommand that did what it was asked.
pub const OK: u8 = 0;
/// A subcommand that could not: not healthy, nothing to export, no PID 1 to ask.
pub const FAILED: u8 = 1;
/// Wrong arguments (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// A defect: a panic, or a main loop that hung (`EX_SOFTWARE`). Everything was stopped in order before.
pub const INTERNAL: u8 = 70;
/// The operating system refused something without which PID 1 cannot even report (`EX_OSERR`).
pub const OS: u8 = 71;
/// The gateway had failed for want of space on the disk, and there is space again (`EX_TEMPFAIL`). Docker's restart policy
/// makes another start.
pub const AGAIN: u8 = 75;
