//! The Docker daemon itself.

use crate::{not_shown, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The exit code of `docker/restart` where a restart would disturb somebody.
const NOT_HERE: i32 = 69;

/// Restarts the daemon. Where that would disturb somebody it does nothing, and says why.
///
/// # Panics
/// It doesn't come back.
#[must_use]
#[track_caller]
pub fn restart() -> bool {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/restart");
    let output = run(&mut Command::new(script), "");
    if output.code == NOT_HERE {
        not_shown(output.stderr.trim());
        return false;
    }
    let _ = output.ok();
    true
}

/// Its socket.
#[must_use]
pub fn socket() -> PathBuf {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    PathBuf::from(host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock"))
}
