//! What an unclean stop left behind.
//!
//! Process 1 starts in a PID, mount and network namespace of its own, all of them new: no process, mount or
//! interface of an earlier run can be alive in them. Files that describe such things are therefore stale,
//! and some of them stand in the way: a shim's state makes containerd wait for a socket that nobody serves,
//! and the address of a pod that is gone stays taken for ever (host-local's store has no other broom).
//!
//! Docker empties a tmpfs on `/run` at each start, as `openshell gateway start` mounts one; without it,
//! `/run` is part of the container and grows.

use crate::failure::{Context, Failure};
use openshell_contract::reason::Reason;
use std::fs;
use std::io;
use std::path::Path;

/// Directories whose content describes a run: k3s's containerd with its shims, flannel's subnet, network
/// namespaces of pods, and leases of pods' addresses (host-local's `dataDir`, k3s's included).
const STALE: [&str; 6] = [
    "/run/k3s",
    "/run/containerd",
    "/run/flannel",
    "/run/netns",
    "/var/lib/cni/networks",
    "/var/lib/cni/results",
];

/// Removes it. Returns how many entries there were.
pub fn remove() -> Result<usize, Failure> {
    STALE.iter().try_fold(0, |sum, dir| {
        let removed = empty(Path::new(dir))
            .failing(Reason::NodePreparation, || format!("can't remove what an earlier run left in {dir}"))?;
        Ok(sum + removed)
    })
}

/// Empties `dir`, which itself may be a mount point. Returns how many entries it had.
fn empty(dir: &Path) -> io::Result<usize> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
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
}
