//! Mount propagation, and the kernel's interfaces that a node has to write to.

use crate::failure::{Context, Failure};
use nix::mount::{MsFlags, mount};
use openshell_contract::reason::Reason;
use std::fs;

const NONE: Option<&str> = None;

/// Makes every mount shared, so that volumes which a pod mounts with `Bidirectional` propagation reach
/// the node and other pods. Docker makes a container's mounts private; kubelet needs them shared.
pub fn make_shared() -> Result<(), Failure> {
    mount(NONE, "/", NONE, MsFlags::MS_SHARED | MsFlags::MS_REC, NONE)
        .failing(Reason::NodePreparation, || "can't make the mounts under / shared")?;
    let table = fs::read_to_string("/proc/self/mountinfo")
        .failing(Reason::NodePreparation, || "can't read /proc/self/mountinfo")?;
    match not_shared(&table) {
        None => Ok(()),
        Some(point) => {
            Err(Failure::new(Reason::NodePreparation, format!("the mount on {point} did not become shared")))
        }
    }
}

/// Makes `/sys` and `/proc/sys` writable where the container runtime left them read-only: kubelet,
/// kube-proxy and flannel set kernel parameters.
pub fn make_writable() -> Result<(), Failure> {
    let table = fs::read_to_string("/proc/self/mountinfo")
        .failing(Reason::NodePreparation, || "can't read /proc/self/mountinfo")?;
    for point in ["/sys", "/proc/sys"] {
        if is_read_only(&table, point) {
            mount(NONE, point, NONE, MsFlags::MS_REMOUNT | MsFlags::MS_BIND, NONE)
                .failing(Reason::NodePreparation, || format!("{point} is read-only and stays so"))?;
        }
    }
    Ok(())
}

/// Mount point and optional fields of a line (`proc_pid_mountinfo(5)`: fields 5 and 7 up to the hyphen).
fn fields(line: &str) -> Option<(&str, Vec<&str>)> {
    let mut fields = line.split(' ');
    let point = fields.nth(4)?;
    Some((point, fields.skip(1).take_while(|field| *field != "-").collect()))
}

/// A mount of a node's own directories that is not shared.
fn not_shared(mountinfo: &str) -> Option<&str> {
    let of_the_node =
        |point: &str| ["/run", "/var/lib/kubelet", "/var/lib/rancher/k3s"].contains(&point) || point == "/";
    mountinfo
        .lines()
        .filter_map(fields)
        .find(|(point, tags)| of_the_node(point) && !tags.iter().any(|tag| tag.starts_with("shared:")))
        .map(|(point, _)| point)
}

/// Whether the last mount on `point` is read-only by its own options (field 6).
fn is_read_only(mountinfo: &str, point: &str) -> bool {
    let options = |line: &'_ str| {
        let mut fields = line.split(' ').skip(4);
        (fields.next() == Some(point)).then(|| fields.next().unwrap_or("").split(',').any(|o| o == "ro"))
    };
    mountinfo.lines().filter_map(options).next_back().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHARED: &str = "22 1 0:20 / / rw,relatime shared:1 - overlay overlay rw\n\
                          23 22 0:5 / /sys ro,nosuid - sysfs sysfs ro\n\
                          24 22 0:9 / /run rw - tmpfs tmpfs rw\n";

    #[test]
    fn a_private_mount_is_named() {
        assert_eq!(not_shared(SHARED), Some("/run"));
        assert_eq!(not_shared(&SHARED.replace("/run rw -", "/run rw shared:4 -")), None);
    }

    #[test]
    fn the_last_mount_on_a_point_counts() {
        assert!(is_read_only(SHARED, "/sys"));
        assert!(!is_read_only(SHARED, "/proc/sys"));
        let again = format!("{SHARED}25 23 0:5 / /sys rw,nosuid - sysfs sysfs ro\n");
        assert!(!is_read_only(&again, "/sys"));
    }

    proptest! {
        #[test]
        fn no_table_panics(table in "[ -~\n]{0,200}") {
            let _ = (not_shared(&table), is_read_only(&table, "/sys"));
        }
    }
}
