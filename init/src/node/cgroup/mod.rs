//! Control groups.
//!
//! On the unified hierarchy a group that has processes of its own can't have controllers enabled for its
//! children (the "no internal processes" rule, `cgroups(7)`). So the container's processes move into a
//! child, `init`, and the group is free to hold kubelet's. k3s does that itself only when it is process 1
//! (k3s `pkg/cli/cmds/init_linux.go`), so here it is ours to do.
//!
//! Everything is relative to the container's own group. In a cgroup namespace of its own that is the root.
//! In the host's namespace it is somewhere below, and kubelet has to be told: by itself it would put pods
//! into `/kubepods` of the host, out of the container's limits, and beside those of any other node there.

mod evacuate;
mod own;

use super::Prepared;
use crate::failure::{Context, Failure};
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use openshell_contract::reason::Reason;
use std::fs;
use std::path::Path;

/// Where the hierarchy is mounted. Hybrid hosts mount the unified one below it, so the magic of this very
/// directory tells (`statfs(2)`), not the presence of files.
const ROOT: &str = "/sys/fs/cgroup";

/// Finds the hierarchy and prepares it.
pub fn prepare() -> Result<Prepared, Failure> {
    let magic = statfs(ROOT).failing(Reason::NodePreparation, || format!("can't look at {ROOT}"))?;
    if magic.filesystem_type() != CGROUP2_SUPER_MAGIC {
        return Ok(legacy());
    }
    let before = proc_self_cgroup()?;
    let Some(path) = own::path(&before) else {
        return Err(Failure::new(
            Reason::NodePreparation,
            format!("/proc/self/cgroup names no group of the unified hierarchy: {:?}", before.trim()),
        ));
    };
    let delegated = evacuate::delegate(&own::directory(Path::new(ROOT), path))?;
    let after = proc_self_cgroup()?;
    if !own::is_in_init(&after, path) {
        return Err(Failure::new(
            Reason::NodePreparation,
            format!("process 1 did not move: it is in {:?}, and its group is {path}", after.trim()),
        ));
    }
    let place =
        if path == "/" { "private namespace".to_owned() } else { format!("host namespace, in {path}") };
    Ok(Prepared {
        detail: format!("cgroup v2, {place}"),
        warnings: delegated.warning.into_iter().collect(),
        k3s_args: own::kubelet_args(path),
    })
}

fn proc_self_cgroup() -> Result<String, Failure> {
    fs::read_to_string("/proc/self/cgroup")
        .failing(Reason::NodePreparation, || "can't read /proc/self/cgroup")
}

/// On cgroup v1 and hybrid hosts a group with processes may have children, and Docker mounts the
/// container's own groups, so nothing has to be moved. kubelet refuses v1 unless told (Kubernetes 1.35,
/// `failCgroupV1`).
fn legacy() -> Prepared {
    Prepared {
        detail: "cgroup v1".to_owned(),
        warnings: vec![
            "the host is on cgroup v1, which a later Kubernetes will refuse: move it to the unified hierarchy \
             (kernel command line systemd.unified_cgroup_hierarchy=1)"
                .to_owned(),
        ],
        k3s_args: vec!["--kubelet-arg=fail-cgroupv1=false".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::with_own_mounts;
    use nix::mount::{MsFlags, mount};

    #[test]
    fn hybrid_and_v1_hosts_are_told_by_the_magic_and_left_alone() {
        with_own_mounts(|| {
            let none = None::<&str>;
            mount(none, ROOT, Some("tmpfs"), MsFlags::empty(), none).unwrap();
            // A file that only the unified hierarchy has, as a trap.
            let trap = Path::new(ROOT).join("cgroup.controllers");
            fs::write(&trap, "cpu cpuset memory pids io").unwrap();
            let prepared = prepare().unwrap();
            assert_eq!(prepared.k3s_args, ["--kubelet-arg=fail-cgroupv1=false"]);
            assert!(prepared.warnings[0].contains("cgroup v1"));
            assert_eq!(fs::read_dir(ROOT).unwrap().count(), 1, "something was written");
        });
    }
}
