//! Devices that kubelet opens.

use super::Prepared;
use crate::failure::{Context, Failure};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use openshell_contract::reason::Reason;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const KMSG: &str = "/dev/kmsg";

/// Makes sure that `/dev/kmsg` is there, where kubelet reads of out-of-memory kills: it doesn't start
/// without (Kubernetes `pkg/kubelet/oom`), unless told that it runs in a user namespace.
pub fn prepare() -> Result<Prepared, Failure> {
    let uid_map = fs::read_to_string("/proc/self/uid_map")
        .failing(Reason::NodePreparation, || "can't read /proc/self/uid_map")?;
    let k3s_args = if in_user_namespace(&uid_map) {
        vec!["--kubelet-arg=feature-gates=KubeletInUserNamespace=true".to_owned()]
    } else {
        Vec::new()
    };
    let kmsg = Path::new(KMSG);
    if kmsg.exists() {
        return Ok(Prepared { k3s_args, ..Prepared::default() });
    }
    // Character device 1:11 (Linux `Documentation/admin-guide/devices.txt`).
    let made = mknod(kmsg, SFlag::S_IFCHR, Mode::S_IRUSR | Mode::S_IWUSR, makedev(1, 11));
    let warnings = stand_in(kmsg, made)?.into_iter().collect();
    Ok(Prepared { warnings, k3s_args, ..Prepared::default() })
}

/// Where the device could not be made, a link to one that says nothing. Not `/dev/console`, as elsewhere:
/// there is one only with a terminal, and then kubelet would take its input.
fn stand_in(kmsg: &Path, made: nix::Result<()>) -> Result<Option<String>, Failure> {
    let Err(e) = made else { return Ok(None) };
    symlink("/dev/null", kmsg).failing(Reason::NodePreparation, || {
        format!("there is no {}, and it can't be made", kmsg.display())
    })?;
    Ok(Some(format!("{} can't be made ({e}): kubelet won't see out-of-memory kills", kmsg.display())))
}

/// Whether user ids are mapped (`user_namespaces(7)`): the initial namespace maps all to themselves.
fn in_user_namespace(uid_map: &str) -> bool {
    !uid_map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_initial_namespace_maps_all_ids() {
        assert!(!in_user_namespace("         0          0 4294967295\n"));
        assert!(in_user_namespace("         0     100000      65536\n"));
        assert!(in_user_namespace(""));
    }

    #[test]
    fn kubelet_finds_something_to_read() {
        let dir = tempfile::tempdir().unwrap();
        let kmsg = dir.path().join("kmsg");
        assert_eq!(stand_in(&kmsg, Ok(())).unwrap(), None);
        assert!(!kmsg.exists());
        let warning = stand_in(&kmsg, Err(nix::Error::EPERM)).unwrap().unwrap();
        assert!(warning.contains("EPERM"), "{warning}");
        assert_eq!(fs::read(&kmsg).unwrap(), b"");
        // A second one is in the way.
        assert!(stand_in(&kmsg, Err(nix::Error::EPERM)).is_err());
    }
}
