//! What `/proc` says of the processes in this PID namespace.

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs;

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: Pid,
    /// Its parent's id.
    pub parent: Pid,
    /// Its name, at most 15 bytes (`TASK_COMM_LEN`).
    pub name: String,
    /// It has ended and waits to be reaped.
    pub zombie: bool,
    /// The signals that it handles (`SigCgt`), bit `n - 1` for signal `n`.
    pub caught: u64,
}

impl Process {
    /// Whether the process handles `signal`. Process 1 of a nested namespace is deaf to any other
    /// (`pid_namespaces(7)`), so that only KILL ends it.
    #[must_use]
    pub fn handles(&self, signal: Signal) -> bool {
        self.caught & (1 << (signal as u32 - 1)) != 0
    }
}

/// Every process that is there now. One that ends meanwhile is left out.
#[must_use]
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| parse(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?))
        .collect()
}

/// When a process began, in clock ticks since the machine's start: with its number, that names it for ever
/// (`proc_pid_stat(5)`, field 22).
#[must_use]
pub fn began(pid: Pid) -> Option<u64> {
    began_at(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Field 22, counted from the end of the second one, which may hold anything.
fn began_at(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// The first processes of pods' containers: what a `containerd-shim` started. `kubelet` signals just
/// these when it ends a pod.
#[must_use]
pub fn container_inits(processes: &[Process]) -> Vec<Process> {
    let by_pid: HashMap<Pid, &Process> = processes.iter().map(|p| (p.pid, p)).collect();
    let is_shim = |pid: &Pid| by_pid.get(pid).is_some_and(|p| p.name.starts_with("containerd-shim"));
    processes.iter().filter(|p| !p.zombie && is_shim(&p.parent) && !is_shim(&p.pid)).cloned().collect()
}

/// Reads a `/proc/PID/status` file (`proc_pid_status(5)`).
fn parse(status: &str) -> Option<Process> {
    let field =
        |name: &str| status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    Some(Process {
        pid: Pid::from_raw(field("Pid")?.parse().ok()?),
        parent: Pid::from_raw(field("PPid")?.parse().ok()?),
        name: field("Name")?.to_owned(),
        zombie: field("State")?.starts_with('Z'),
        caught: field("SigCgt").and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn process(pid: i32, parent: i32, name: &str) -> Process {
        Process {
            pid: Pid::from_raw(pid),
            parent: Pid::from_raw(parent),
            name: name.to_owned(),
            zombie: false,
            caught: 0,
        }
    }

    #[test]
    fn reads_a_status_file() {
        let text = "Name:\tsh\nState:\tS (sleeping)\nPid:\t7\nPPid:\t1\nSigCgt:\t0000000000004002\n";
        let p = parse(text).unwrap();
        assert_eq!((p.pid.as_raw(), p.parent.as_raw(), p.name.as_str(), p.zombie), (7, 1, "sh", false));
        assert!(p.handles(Signal::SIGTERM) && p.handles(Signal::SIGINT) && !p.handles(Signal::SIGHUP));
        assert!(parse("Name:\tx\n").is_none());
    }

    #[test]
    fn container_inits_are_the_children_of_shims() {
        let all = [
            process(1, 0, "openshell-init"),
            process(5, 1, "k3s-server"),
            process(9, 1, "containerd-shim"),
            process(10, 9, "pause"),
            process(11, 9, "openshell-serve"),
            process(12, 11, "worker"),
        ];
        let inits: Vec<_> = container_inits(&all).iter().map(|p| p.pid.as_raw()).collect();
        assert_eq!(inits, [10, 11]);
    }

    #[test]
    fn sees_itself() {
        let me = Pid::this();
        assert!(all().iter().any(|p| p.pid == me && !p.zombie));
    }

    #[test]
    fn a_process_began_when_its_stat_file_says() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        assert_eq!(began_at(stat), Some(4711));
        assert_eq!(began_at("7 (sh) S 1"), None);
        assert!(began(Pid::this()).is_some_and(|began| began > 0));
    }

    proptest! {
        #[test]
        fn no_status_file_panics(
            lines in proptest::collection::vec(
                prop_oneof![
                    "(Pid|PPid):\t-?[0-9]{0,12}", "Name:\t\\PC{0,20}", "State:\t\\PC{0,9}",
                    "SigCgt:\t[0-9a-fx]{0,20}", "\\PC{0,20}",
                ],
                0..9,
            ),
        ) {
            if let Some(process) = parse(&lines.join("\n")) {
                let _ = container_inits(&[process.clone(), process]);
            }
        }
    }
}
