//! Whether a gateway serves: its own certificate answers a gRPC health check on the host port.

use crate::programs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than any start takes.
const PATIENCE: Duration = Duration::from_mins(4);
/// Between two attempts, each of which costs a handshake. It bounds the error of a time.
const PAUSE: Duration = Duration::from_millis(20);

/// A port, and the client certificate to knock with.
#[derive(Clone, Debug)]
pub struct Probe {
    /// On the loopback address.
    pub port: u16,
    /// With `ca.crt`, `tls.crt` and `tls.key`.
    pub certificates: PathBuf,
}

impl Probe {
    fn serves(&self) -> bool {
        let file = |name: &str| self.certificates.join(name);
        Command::new(programs::server())
            .args(["check", "--timeout-secs", "1", "--addr", &format!("127.0.0.1:{}", self.port)])
            .arg("--ca")
            .arg(file("ca.crt"))
            .arg("--cert")
            .arg(file("tls.crt"))
            .arg("--key")
            .arg(file("tls.key"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Seconds from `begin` until it serves.
    ///
    /// # Panics
    /// It does not within four minutes.
    pub fn since(&self, begin: Instant) -> f64 {
        poll(&format!("port {} serves", self.port), || self.serves());
        begin.elapsed().as_secs_f64()
    }
}

/// Waits for a condition.
///
/// # Panics
/// It does not hold within four minutes.
#[track_caller]
pub fn poll(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "gave up waiting until {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Copies a client's files, so that they outlive their gateway.
///
/// # Panics
/// One is missing.
pub fn keep(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory for certificates");
    for name in ["ca.crt", "tls.crt", "tls.key"] {
        std::fs::copy(from.join(name), to.join(name))
            .unwrap_or_else(|e| panic!("{}: {e}", from.join(name).display()));
    }
}
