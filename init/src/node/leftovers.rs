//! What an unclean stop left behind.
//!
//! Process 1 starts in a PID, mount and network namespace of its own, all of them new: no process, mount or
//! interface of an earlier run can be alive in them. Files that describe such things are therefore stale,
//! and some of them stand in the way: a shim's state makes containerd wait for a socket that nobody serves,
//! and the address of a pod that is gone stays taken for ever (host-local's store has no other broom).
//!
//! Docker empties a tmpfs on `/run` at each start, as `openshell gateway start` mounts one; without it,
//! `/run` is part of the container and grows. `/var/run` is a directory of its own in k3s's image.
//!
//! Not here, because their owners see to them at each start: sockets that kubelet serves below
//! `/var/lib/kubelet` (bound anew), directories of pods that are gone (kubelet rebuilds what it had mounted
//! and tears it down), containerd's working directories in the volume (removed when no task is known), and
//! the write-ahead log of the database, which is data (SQLite recovers it).

use super::staged;
use crate::failure::{Context, Failure};
use crate::files;
use openshell_contract::reason::Reason;
use openshell_pid1::mountinfo::{self, Mount};
use std::fs;
use std::io;
use std::path::Path;

/// Directories whose whole content describes a run.
const STALE: [&str; 9] = [
    // k3s's containerd: its socket, and bundles and sockets of shims.
    "/run/k3s",
    // containerd's own defaults, which shims use for sockets and pipes.
    "/run/containerd",
    // flannel's subnet.
    "/run/flannel",
    // Network namespaces of pods (containerd `pkg/netns`: below /var/run), pinned by mounts that are gone.
    "/run/netns",
    "/var/run/netns",
    // Leases of pods' addresses (host-local's `dataDir`).
    "/var/lib/cni/networks",
    // What each pod's interface was made with (libcni's cache, and the flannel plugin's).
    "/var/lib/cni/results",
    "/var/lib/cni/cache",
    "/var/lib/cni/flannel",
];

/// Removes it, and what the original staged for k3s. Returns how many entries there were.
pub fn remove() -> Result<usize, Failure> {
    Ok(runs()? + staged::remove()?)
}

fn runs() -> Result<usize, Failure> {
    let mounts = mountinfo::read().failing(Reason::NodePreparation, || "can't read the mount table")?;
    STALE.iter().map(Path::new).filter(|dir| !is_someone_elses(&mounts, dir)).try_fold(0, |sum, dir| {
        let removed = empty(dir).failing(Reason::NodePreparation, || {
            format!("can't remove what an earlier run left in {}", dir.display())
        })?;
        Ok(sum + removed)
    })
}

/// Whether something is mounted on `dir` or below. Whoever started the container put it there, maybe from
/// the host, and it doesn't describe a run of this container only.
fn is_someone_elses(mounts: &[Mount], dir: &Path) -> bool {
    mounts.iter().any(|mount| mount.point.starts_with(dir))
}

/// Empties `dir`. Returns how many entries it had.
fn empty(dir: &Path) -> io::Result<usize> {
    let mut removed = 0;
    for entry in files::entries(dir)? {
        // A link is removed, never followed.
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn entries_go_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (stale, precious) = (dir.path().join("stale"), dir.path().join("precious"));
        fs::create_dir_all(stale.join("shim/deep")).unwrap();
        fs::write(stale.join("10.42.0.7"), "pod").unwrap();
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("data"), "1").unwrap();
        symlink(&precious, stale.join("link")).unwrap();

        assert_eq!(empty(&stale).unwrap(), 3);
        assert_eq!(empty(&stale).unwrap(), 0);
        assert_eq!(fs::read_to_string(precious.join("data")).unwrap(), "1");
        assert_eq!(empty(&dir.path().join("missing")).unwrap(), 0);
    }

    #[test]
    fn what_is_mounted_from_outside_is_left_alone() {
        let mounts = |point: &str| mountinfo::parse(format!("1 2 0:1 / {point} rw - ext4 /dev/x rw\n"));
        for (point, left) in [
            ("/run/netns", true),
            ("/run/netns/of\\040the-host", true),
            ("/run", false),
            ("/run/netns-of-others", false),
        ] {
            assert_eq!(is_someone_elses(&mounts(point), Path::new("/run/netns")), left, "{point}");
        }
    }

    #[test]
    fn nothing_that_holds_data_is_named() {
        let kept = ["/var/lib/rancher", "/var/lib/kubelet", "/var/log", "/etc", "/run/openshell"];
        for dir in STALE.map(Path::new) {
            assert!(kept.iter().all(|kept| !dir.starts_with(kept) && !Path::new(kept).starts_with(dir)));
        }
    }
}
