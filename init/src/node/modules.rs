//! Features of the host's kernel that pods' network needs.

use super::Prepared;
use std::path::Path;

/// A file that is there when the feature is, and what to do when it is not.
const WANTED: [(&str, &str); 2] = [
    (
        "proc/sys/net/bridge/bridge-nf-call-iptables",
        "the kernel module br_netfilter is not loaded: pods of one node may not reach services; \
         on the host: sudo modprobe br_netfilter",
    ),
    (
        "proc/sys/net/netfilter/nf_conntrack_max",
        "the kernel module nf_conntrack is not loaded: services need it; on the host: sudo modprobe nf_conntrack",
    ),
];

/// Warns of what is missing. Never fatal: k3s tries to load them, and a kernel may have them built in
/// without showing it here.
pub fn look() -> Prepared {
    Prepared { warnings: missing(Path::new("/")), ..Prepared::default() }
}

fn missing(root: &Path) -> Vec<String> {
    WANTED.iter().filter(|(file, _)| !root.join(file).exists()).map(|(_, text)| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn each_missing_feature_is_named_with_its_remedy() {
        let root = tempfile::tempdir().unwrap();
        let all = missing(root.path());
        assert!(all[0].ends_with("modprobe br_netfilter") && all[1].ends_with("modprobe nf_conntrack"));

        let bridge = root.path().join("proc/sys/net/bridge");
        fs::create_dir_all(&bridge).unwrap();
        fs::write(bridge.join("bridge-nf-call-iptables"), "1").unwrap();
        assert_eq!(missing(root.path()).len(), 1);
    }
}
