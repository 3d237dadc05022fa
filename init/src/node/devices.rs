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
    let warning = match made {
        Ok(()) => None,
        Err(e) => {
            symlink("/dev/null", kmsg)
                .failing(Reason::NodePreparation, || format!("there is no {KMSG}, and it can't be made"))?;
            Some(format!("{KMSG} can't be made ({e}): kubelet won't see out-of-memory kills"))
        }
    };
    Ok(Prepared { warnings: warning.into_iter().collect(), k3s_args, ..Prepared::default() })
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
}
