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
    let cgroup = fs::read_to_string("/proc/self/cgroup")
        .failing(Reason::NodePreparation, || "can't read /proc/self/cgroup")?;
    let Some(path) = own::path(&cgroup) else {
        return Err(Failure::new(
            Reason::NodePreparation,
            format!("/proc/self/cgroup names no group of the unified hierarchy: {:?}", cgroup.trim()),
        ));
    };
    let delegated = evacuate::delegate(&own::directory(Path::new(ROOT), path))?;
    let place =
        if path == "/" { "private namespace".to_owned() } else { format!("host namespace, in {path}") };
    Ok(Prepared {
        detail: format!("cgroup v2, {place}"),
        warnings: delegated.warning.into_iter().collect(),
        k3s_args: own::kubelet_args(path),
    })
}

/// On cgroup v1 and hybrid hosts a group with processes may have children, and Docker mounts the
/// container's own groups, so nothing has to be moved. kubelet refuses v1 unless told (Kubernetes 1.35,
/// `failCgroupV1`).
fn legacy() -> Prepared {
    Prepared {
        detail: "cgroup v1".to_owned(),
        k3s_args: vec!["--kubelet-arg=fail-cgroupv1=false".to_owned()],
        ..Prepared::default()
    }
}
