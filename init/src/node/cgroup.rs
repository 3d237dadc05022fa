//! Control groups.
//!
//! On the unified hierarchy with a private cgroup namespace, the container's root group must hold no
//! process before controllers can be enabled for its children (the "no internal processes" rule,
//! `cgroups(7)`). k3s moves them itself only when it is process 1, so here it is ours to do.

use crate::failure::{Context, Failure};
use openshell_contract::reason::Reason;
use std::fs;
use std::path::Path;

/// `statfs(2)` magic of the unified hierarchy. Hybrid hosts mount it below `/sys/fs/cgroup`, so the
/// magic of that very directory tells, not the presence of files.
const ROOT: &str = "/sys/fs/cgroup";
/// Attempts at emptying the root group: a health check may start in it meanwhile.
const ROUNDS: usize = 50;

/// What kubelet has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hierarchy {
    /// cgroup v1 or hybrid: kubelet refuses it unless told (Kubernetes 1.35, `failCgroupV1`).
    V1,
    /// cgroup v2.
    Unified,
}

/// Finds the hierarchy and prepares it.
pub fn prepare() -> Result<(Hierarchy, &'static str), Failure> {
    let magic = nix::sys::statfs::statfs(ROOT)
        .failing(Reason::NodePreparation, || format!("can't look at {ROOT}"))?;
    if magic.filesystem_type() != nix::sys::statfs::CGROUP2_SUPER_MAGIC {
        return Ok((Hierarchy::V1, "cgroup v1"));
    }
    let own = fs::read_to_string("/proc/self/cgroup")
        .failing(Reason::NodePreparation, || "can't read /proc/self/cgroup")?;
    if !is_namespace_root(&own) {
        // The host's namespace: the root group and its processes are not ours to move.
        return Ok((Hierarchy::Unified, "cgroup v2, host namespace"));
    }
    evacuate(Path::new(ROOT))
        .failing(Reason::NodePreparation, || format!("can't delegate controllers in {ROOT}"))?;
    Ok((Hierarchy::Unified, "cgroup v2, private namespace"))
}

/// Whether the process is at the root of its cgroup namespace: the line of the unified hierarchy is
/// `0::/`.
fn is_namespace_root(proc_self_cgroup: &str) -> bool {
    proc_self_cgroup.lines().any(|l| l == "0::/")
}

/// Moves every process of `root` into a child group and enables all controllers for its children.
fn evacuate(root: &Path) -> std::io::Result<()> {
    let init = root.join("init");
    fs::create_dir_all(&init)?;
    let mut last = Ok(());
    for _ in 0..ROUNDS {
        for pid in processes(&fs::read_to_string(root.join("cgroup.procs"))?) {
            // ESRCH: it has ended. Anything else shows when the controllers are enabled.
            let _ = fs::write(init.join("cgroup.procs"), pid);
        }
        let available = fs::read_to_string(root.join("cgroup.controllers"))?;
        last = available
            .split_whitespace()
            .try_for_each(|c| fs::write(root.join("cgroup.subtree_control"), format!("+{c}")));
        match &last {
            Err(e) if e.kind() == std::io::ErrorKind::ResourceBusy => {}
            _ => break,
        }
    }
    last
}

/// Process ids in `cgroup.procs`; 0 stands for a process outside the PID namespace.
fn processes(procs: &str) -> Vec<&str> {
    procs.lines().map(str::trim).filter(|pid| !pid.is_empty() && *pid != "0").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_namespace_root_is_ours_to_move() {
        assert!(is_namespace_root("0::/\n"));
        assert!(!is_namespace_root("0::/docker/abc\n"));
        assert!(!is_namespace_root("2:cpu:/\n1:name=systemd:/\n"));
    }

    #[test]
    fn processes_outside_the_namespace_are_skipped() {
        assert_eq!(processes("1\n0\n42\n"), ["1", "42"]);
    }
}
