//! What pods and containerd had mounted.
//!
//! The namespace would let go of it by itself, some time after the container has gone; whoever removes the
//! volume right away would find it busy. Ended here, it is also written out by its own file system.

use crate::mountinfo::{self, Mount};
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Below these, and only below, are the mounts of pods and containers: kubelet's volumes, containerd's
/// overlays in k3s's data directory, and what lives in k3s's runtime directory. The data volume itself and
/// what Docker mounted stay.
const BELOW: [&str; 4] = ["/var/lib/kubelet", "/var/lib/rancher/k3s", "/run/k3s", "/run/netns"];

/// What became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unmounted {
    /// Mounts that ended.
    pub ended: usize,
    /// Mounts that somebody uses: they end with their users.
    pub busy: usize,
}

impl fmt::Display for Unmounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} mounts ended, {} busy", self.ended, self.busy)
    }
}

/// Ends them; from `deadline` on without waiting for anybody.
pub fn all(deadline: Instant) -> Unmounted {
    // Without the table nothing is known to end.
    let mounts = mountinfo::read().unwrap_or_default();
    let mut done = Unmounted::default();
    for point in plan(mounts) {
        let flags = if Instant::now() < deadline { MntFlags::empty() } else { MntFlags::MNT_DETACH };
        match umount2(&point, flags | MntFlags::UMOUNT_NOFOLLOW) {
            Ok(()) => done.ended += 1,
            // Gone with another one, which it was bound to.
            Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(_) => {
                done.busy += 1;
                // It leaves the tree at once, and ends when its last user does.
                let _ = umount2(&point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
            }
        }
    }
    done
}

/// The mount points to end, in this order: the last that was mounted first, so that whatever lies on
/// another one goes before it.
fn plan(mounts: Vec<Mount>) -> Vec<PathBuf> {
    mounts.into_iter().rev().map(|mount| mount.point).filter(|point| is_ours(point)).collect()
}

fn is_ours(point: &Path) -> bool {
    BELOW.iter().map(Path::new).any(|dir| point != dir && point.starts_with(dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_mounted_last_goes_first_and_dockers_mounts_stay() {
        let table = "1 0 0:1 / / rw - overlay overlay rw\n\
                     2 1 8:1 /volumes/x/_data /var/lib/rancher/k3s rw - ext4 /dev/vda rw\n\
                     3 1 0:2 / /run rw - tmpfs tmpfs rw\n\
                     4 1 0:3 / /run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/a/rootfs rw - overlay overlay rw\n\
                     5 1 0:4 net:[4026532] /run/netns/cni-1 rw - nsfs nsfs rw\n\
                     6 1 0:5 / /var/lib/kubelet/pods/u/volumes/kubernetes.io~secret/with\\040space rw - tmpfs tmpfs rw\n\
                     7 1 8:1 /etc/hosts /etc/hosts rw - ext4 /dev/vda rw\n";
        let points: Vec<String> =
            plan(mountinfo::parse(table)).iter().map(|p| p.display().to_string()).collect();
        assert_eq!(
            points,
            [
                "/var/lib/kubelet/pods/u/volumes/kubernetes.io~secret/with space",
                "/run/netns/cni-1",
                "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/a/rootfs",
            ]
        );
    }

    #[test]
    fn a_name_that_only_begins_alike_is_not_below() {
        assert!(
            !is_ours(Path::new("/var/lib/kubelet")) && !is_ours(Path::new("/var/lib/kubelet-of-another/x"))
        );
        assert!(is_ours(Path::new("/var/lib/kubelet/x")));
    }

    proptest! {
        #[test]
        fn no_table_leads_outside(table in proptest::collection::vec(any::<u8>(), 0..300)) {
            for point in plan(mountinfo::parse(table)) {
                prop_assert!(BELOW.iter().any(|dir| point.starts_with(dir)));
            }
        }
    }
}
