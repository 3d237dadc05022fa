//! Why k3s ended, told by its last lines. Pure.

use openshell_contract::reason::Reason;

/// Parts of a line that all have to be there, in lower case, and what they mean. The first row that fits
/// counts: inotify's limits say "no space" too.
const CAUSES: &[(&[&str], Reason)] = &[
    // golang.org/x/sys inotify: EMFILE of inotify_init, ENOSPC of inotify_add_watch (`inotify(7)`).
    (&["inotify", "too many open files"], Reason::InotifyLimit),
    (&["inotify", "no space left on device"], Reason::InotifyLimit),
    (&["fsnotify", "too many open files"], Reason::InotifyLimit),
    (&["watcher", "too many open files"], Reason::InotifyLimit),
    // kine and etcd: SQLITE_CORRUPT and SQLITE_NOTADB (sqlite.org/rescode.html), etcd `wal`.
    (&["database disk image is malformed"], Reason::CorruptDatabase),
    (&["file is not a database"], Reason::CorruptDatabase),
    (&["walpb: crc mismatch"], Reason::CorruptDatabase),
    // ENOSPC, and SQLITE_FULL.
    (&["no space left on device"], Reason::DiskFull),
    (&["database or disk is full"], Reason::DiskFull),
    // EADDRINUSE and EADDRNOTAVAIL of `bind(2)`, as Go's net package says them.
    (&["bind: address already in use"], Reason::K3sAddressInUse),
    (&["bind: cannot assign requested address"], Reason::K3sAddressChanged),
    // kubelet `pkg/kubelet/kubelet_node_status.go`, validateNodeIP.
    (&["node ip", "not found in the host's network interfaces"], Reason::K3sAddressChanged),
    // The network policy controller of k3s (`pkg/agent/netpol`), which is kube-router's: its GetNodeSubnet.
    (&["failed to find interface with specified node ip"], Reason::K3sAddressChanged),
    // k3s `pkg/etcd`: the member's address is not the one that it was.
    (&["this server is a not a member of the etcd cluster"], Reason::K3sAddressChanged),
    // k3s `pkg/agent/config`.
    (&["node password rejected"], Reason::K3sNodePassword),
    // k3s `pkg/cgroups`, `pkg/daemons/agent`.
    (&["failed to find", "cgroup"], Reason::CgroupController),
    (&["cgroup controller not found"], Reason::CgroupController),
];

/// The cause that `lines` tell of, the last line first.
pub fn told_by<'a>(lines: impl DoubleEndedIterator<Item = &'a str>) -> Option<Reason> {
    lines.rev().find_map(|line| {
        let line = line.to_ascii_lowercase();
        CAUSES
            .iter()
            .find(|(parts, _)| parts.iter().all(|part| line.contains(part)))
            .map(|(_, reason)| *reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_known_cause_is_told_by_its_line() {
        let rows = [
            (
                r#"level=fatal msg="starting kubernetes: listen tcp 0.0.0.0:6443: bind: address already in use""#,
                Reason::K3sAddressInUse,
            ),
            (
                r#"E0101 "Failed to listen and serve" err="listen tcp 172.18.0.3:10250: bind: cannot assign requested address""#,
                Reason::K3sAddressChanged,
            ),
            (
                r#"failed to validate nodeIP: node IP: "172.18.0.3" not found in the host's network interfaces"#,
                Reason::K3sAddressChanged,
            ),
            (
                r#"level=fatal msg="Shutdown request received: failed to start networking: unable to initialize network policy controller: error getting node subnet: failed to find interface with specified node ip""#,
                Reason::K3sAddressChanged,
            ),
            (
                r#"level=error msg="Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match server node-passwd entry""#,
                Reason::K3sNodePassword,
            ),
            (
                r#"level=fatal msg="write /var/lib/rancher/k3s/server/tls/x.crt: no space left on device""#,
                Reason::DiskFull,
            ),
            (r#"level=error msg="error while compacting: database or disk is full""#, Reason::DiskFull),
            (
                r#"level=fatal msg="failed to create fsnotify watcher: too many open files""#,
                Reason::InotifyLimit,
            ),
            (r"inotify_add_watch /sys/fs/cgroup/kubepods: no space left on device", Reason::InotifyLimit),
            (
                r#"level=fatal msg="starting kubernetes: creating storage endpoint: database disk image is malformed""#,
                Reason::CorruptDatabase,
            ),
            (r#"level=fatal msg="building kine: file is not a database""#, Reason::CorruptDatabase),
            (r#"level=fatal msg="failed to find memory cgroup (v2)""#, Reason::CgroupController),
            (r#"level=fatal msg="pids cgroup controller not found""#, Reason::CgroupController),
        ];
        for (line, reason) in rows {
            assert_eq!(told_by([line, "goroutine 1 [running]:"].into_iter()), Some(reason), "{line}");
        }
        assert_eq!(told_by(["k3s is up and running"].into_iter()), None);
    }

    #[test]
    fn the_last_telling_line_counts() {
        let lines = ["no space left on device", "bind: address already in use", "exiting"];
        assert_eq!(told_by(lines.into_iter()), Some(Reason::K3sAddressInUse));
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "\\PC{0,80}") {
            let _ = told_by([line.as_str()].into_iter());
        }
    }
}
