//! Faults of the machine.

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::Pid;
use openshell_e2e::{Gateway, docker, run};
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const SOCKET: &str = "/var/run/docker.sock";
const ENSURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docker/ensure");

/// Kills the Docker daemon, starts it again, and then the gateway. A container that outlived it, Docker stops, and takes
/// for stopped by a person, whatever `unless-stopped` says (moby `daemon/daemon.go`, `restore`; `daemon/kill.go`,
/// `HasBeenManuallyStopped`).
///
/// # Panics
/// The daemon does not come back.
pub(crate) fn kill_daemon(gateway: &Gateway) {
    let Some(daemon) = daemon() else { return };
    let data_root = argument(daemon, "--data-root").unwrap_or_else(|| "/var/lib/docker".to_owned());
    let _ = kill(daemon, Signal::SIGKILL);
    while Path::new("/proc").join(daemon.to_string()).exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    // systemd has its own policy, and this one finds it running.
    let _ = run(Command::new(ENSURE).env("DOCKER_DATA_ROOT", data_root), "").ok();
    let _ = docker(&["start", &gateway.object()]);
}

/// Who listens on Docker's socket (`unix(7)`, `SO_PEERCRED`).
fn daemon() -> Option<Pid> {
    let stream = UnixStream::connect(SOCKET).ok()?;
    let pid = getsockopt(&stream, sockopt::PeerCredentials).ok()?.pid();
    // A socket of systemd's.
    (pid > 1).then(|| Pid::from_raw(pid))
}

fn argument(process: Pid, name: &str) -> Option<String> {
    let line = fs::read_to_string(format!("/proc/{process}/cmdline")).ok()?;
    let mut words = line.split('\0');
    words.find(|word| *word == name)?;
    words.next().map(str::to_owned)
}
