//! Mount propagation, and the kernel's interfaces that a node has to write to.

use crate::failure::{Context, Failure};
use nix::mount::{MsFlags, mount};
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use openshell_pid1::mountinfo::{self, Mount};
use std::path::Path;

const NONE: Option<&str> = None;
/// Where pods' volumes are, or what containerd and kubelet mount them from.
const SHARED: [&str; 4] = ["/", "/run", "/var/lib/kubelet", path::DATA];
/// Where kubelet, kube-proxy and flannel set kernel parameters.
const WRITABLE: [&str; 2] = ["/sys", "/proc/sys"];

/// Makes every mount shared, so that volumes which a pod mounts with `Bidirectional` propagation reach
/// the node and other pods. Docker makes a container's mounts private; kubelet needs them shared.
pub fn make_shared() -> Result<(), Failure> {
    mount(NONE, "/", NONE, MsFlags::MS_SHARED | MsFlags::MS_REC, NONE)
        .failing(Reason::NodePreparation, || "can't make the mounts under / shared")?;
    match not_shared(&table()?) {
        None => Ok(()),
        Some(point) => {
            Err(Failure::new(Reason::NodePreparation, format!("the mount on {point} did not become shared")))
        }
    }
}

/// Makes writable what the container runtime left read-only.
pub fn make_writable() -> Result<(), Failure> {
    for point in read_only(&table()?) {
        mount(NONE, point, NONE, MsFlags::MS_REMOUNT | MsFlags::MS_BIND, NONE).failing(
            Reason::NodePreparation,
            || {
                format!(
                    "{point} is read-only and stays so: kubelet and kube-proxy can't set kernel parameters"
                )
            },
        )?;
    }
    Ok(())
}

fn table() -> Result<Vec<Mount>, Failure> {
    mountinfo::read().failing(Reason::NodePreparation, || "can't read the mount table")
}

/// A mount of the node's own directories that is not shared.
fn not_shared(mounts: &[Mount]) -> Option<&'static str> {
    SHARED.into_iter().find(|point| mountinfo::on(mounts, Path::new(point)).is_some_and(|m| !m.shared))
}

/// Mounts that have to be writable and are not.
fn read_only(mounts: &[Mount]) -> Vec<&'static str> {
    let is_read_only = |point: &&str| mountinfo::on(mounts, Path::new(point)).is_some_and(|m| m.read_only);
    WRITABLE.into_iter().filter(is_read_only).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::with_own_mounts;
    use std::fs;

    #[test]
    fn a_private_mount_and_a_read_only_one_are_named() {
        let table = "22 1 0:20 / / rw shared:1 - overlay overlay rw\n\
                     23 22 0:5 / /sys ro - sysfs sysfs ro\n\
                     24 22 0:9 / /run rw - tmpfs tmpfs rw\n";
        let look = |table: &str| (not_shared(&mountinfo::parse(table)), read_only(&mountinfo::parse(table)));
        assert_eq!(look(table), (Some("/run"), vec!["/sys"]));
        assert_eq!(look(&table.replace("/run rw -", "/run rw shared:4 -")), (None, vec!["/sys"]));
        assert_eq!(look(&table.replace("/sys ro", "/sys rw")).1, Vec::<&str>::new());
    }

    #[test]
    fn real_mounts_become_shared() {
        with_own_mounts(|| {
            mount(NONE, "/run", Some("tmpfs"), MsFlags::empty(), NONE).unwrap();
            assert_eq!(not_shared(&mountinfo::read().unwrap()), Some("/"));
            make_shared().unwrap();
            assert!(mountinfo::read().unwrap().iter().all(|mount| mount.shared));
        });
    }

    #[test]
    fn a_read_only_sys_becomes_writable() {
        with_own_mounts(|| {
            let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
            mount(NONE, "/sys", NONE, read_only, NONE).unwrap();
            let probe = "/sys/kernel/uevent_helper";
            if let Ok(text) = fs::read_to_string(probe) {
                assert!(fs::write(probe, &text).is_err(), "the test shows nothing");
            }
            make_writable().unwrap();
            assert_eq!(super::read_only(&mountinfo::read().unwrap()), Vec::<&str>::new());
        });
    }
}
