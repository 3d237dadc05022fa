//! Faults of the container and of what runs in it.

use crate::{files, pause};
use nix::sys::signal::{Signal, kill as signal};
use nix::unistd::Pid;
use openshell_e2e::{Gateway, docker};

/// Far above what a gateway uses: no limit.
const PLENTY_MIB: u64 = 64 * 1024;

/// As the kernel would end it, or a defect: nobody told Docker, whose policy starts the container again.
pub(crate) fn kill_init(gateway: &Gateway) {
    let pid = docker(&["inspect", "--format", "{{.State.Pid}}", &gateway.object()]).stdout;
    // 0 between two runs.
    if let Some(pid) = pid.trim().parse().ok().filter(|pid| *pid > 1) {
        let _ = signal(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

pub(crate) fn kill(gateway: &Gateway) {
    let _ = docker(&["kill", &gateway.object()]);
    let _ = docker(&["start", &gateway.object()]);
}

pub(crate) fn restart(gateway: &Gateway) {
    let _ = docker(&["restart", &gateway.object()]);
}

pub(crate) fn remove(gateway: &Gateway) {
    let _ = docker(&["rm", "--force", &gateway.object()]);
    let _ = gateway.start(&["--no-wait"]);
}

/// The oldest of that name: k3s itself and not a part of it, any shim.
pub(crate) fn kill_process(gateway: &Gateway, name: &str) {
    let _ = gateway.exec(&["pkill", "-KILL", "--oldest", &format!("^{name}")]);
}

pub(crate) fn freeze(gateway: &Gateway, ms: u64) {
    let _ = gateway.exec(&["pkill", "-STOP", "-f", "k3s"]);
    pause(ms);
    let _ = gateway.exec(&["pkill", "-CONT", "-f", "k3s"]);
}

/// The kernel refuses a limit that it can't reach; the smallest one that it accepts is taken.
pub(crate) fn squeeze(gateway: &Gateway, spare: u64, ms: u64) {
    let limit = |mib: u64| {
        let mib = format!("{mib}m");
        docker(&["update", "--memory", &mib, "--memory-swap", &mib, &gateway.object()]).code == 0
    };
    if let Some(mib) = (128..4096).step_by(32).find(|mib| limit(*mib)) {
        let _ = limit(mib + spare);
        pause(ms);
    }
    // The limit for both can't be below the one that is set for memory, so it goes first, by itself.
    gateway.wait("the limit is lifted", || limit(PLENTY_MIB));
}

/// The next start of process 1 ends at an edge of a stage; the one after it doesn't.
pub(crate) fn crash(gateway: &Gateway, stage: usize, end: bool, kill: bool) {
    let Some(status) = gateway.status() else { return kill_init(gateway) };
    let name = &status.stages[stage % status.stages.len()].name;
    let edge = if end { "end" } else { "begin" };
    crate::say(&format!("  at {name}:{edge}"));
    let _ = files::put(gateway, "fault", &format!("exit:{name}:{edge}"));
    if kill { kill_init(gateway) } else { restart(gateway) }
}
