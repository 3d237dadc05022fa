//! Exit codes of `openshell`. Their meaning never changes; `--help` lists them.

/// Done; for `status`: ready.
pub const OK: u8 = 0;
/// `status`: the gateway failed and waits for somebody.
pub const FAILED: u8 = 1;
/// Wrong arguments, or a confirmation that can't be asked for.
pub const USAGE: u8 = 2;
/// Something that should not happen: an answer of Docker or a file that can't be handled.
pub const INTERNAL: u8 = 10;
/// A container, volume, network or port of that name belongs to somebody else.
pub const CONFLICT: u8 = 11;
/// Not ready in time; for `status`: still starting.
pub const TIMEOUT: u8 = 12;
/// No such gateway, or it does not run.
pub const NOT_RUNNING: u8 = 13;
/// The image is neither here nor can it be pulled.
pub const IMAGE_MISSING: u8 = 14;
/// Docker does not answer.
pub const DOCKER_UNAVAILABLE: u8 = 19;
/// The gateway failed or its container crashes while starting.
pub const START_FAILED: u8 = 22;
/// `status`: it serves, but something is wrong.
pub const DEGRADED: u8 = 23;
/// Interrupted from the keyboard.
pub const INTERRUPTED: u8 = 130;

/// The table for `--help`.
pub const HELP: &str = "\
Exit codes:
    0  done (status: ready)
    1  status: the gateway failed
    2  wrong arguments, or a confirmation was needed
   10  internal error
   11  conflict: container, volume, network or port belongs to somebody else
   12  timeout (status: still starting)
   13  no such gateway, or it is stopped
   14  image missing
   19  Docker unavailable
   22  the gateway failed, or its container crashes
   23  status: degraded
  130  interrupted";
