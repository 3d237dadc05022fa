//! The container's own group: where it is, and what kubelet has to know about it.

use std::path::{Path, PathBuf};

/// The child that the container's processes move into.
pub const INIT: &str = "init";

/// The container's group, from `/proc/self/cgroup` (`0::PATH` is the unified hierarchy, `cgroups(7)`).
pub fn path(proc_self_cgroup: &str) -> Option<&str> {
    let path = proc_self_cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    // `/..` is outside the namespace: not ours to touch.
    (path.starts_with('/') && !path.split('/').any(|part| part == "..")).then_some(path)
}

/// Its directory below `root`.
pub fn directory(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Whether the process is in [`INIT`] of `group`, and with it everything that it starts.
pub fn is_in_init(proc_self_cgroup: &str, group: &str) -> bool {
    path(proc_self_cgroup).and_then(|now| now.strip_suffix(INIT)?.strip_suffix('/'))
        == Some(group.trim_end_matches('/'))
}

/// Where kubelet has to put pods, itself and the runtime, unless the group is the root of a namespace.
/// k3s's own choice for the latter two is `/k3s` (k3s `pkg/cgroups`).
pub fn kubelet_args(path: &str) -> Vec<String> {
    if path == "/" {
        return Vec::new();
    }
    vec![
        format!("--kubelet-arg=cgroup-root={path}"),
        format!("--kubelet-arg=kubelet-cgroups={path}/k3s"),
        format!("--kubelet-arg=runtime-cgroups={path}/k3s"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_group_of_the_unified_hierarchy() {
        assert_eq!(path("0::/\n"), Some("/"));
        assert_eq!(path("0::/system.slice/docker-1f.scope\n"), Some("/system.slice/docker-1f.scope"));
        assert_eq!(path("2:cpu:/\n1:name=systemd:/\n"), None);
        assert_eq!(path("0::/../other\n"), None);
    }

    #[test]
    fn where_the_process_is_after_the_move() {
        assert!(is_in_init("0::/init\n", "/"));
        assert!(is_in_init("0::/docker/1f/init\n", "/docker/1f"));
        assert!(!is_in_init("0::/\n", "/"));
        assert!(!is_in_init("0::/docker/1f/myinit\n", "/docker/1f"));
        assert!(!is_in_init("0::/docker/2e/init\n", "/docker/1f"));
    }

    #[test]
    fn limits_hold_in_the_hosts_namespace_too() {
        assert!(kubelet_args("/").is_empty());
        assert_eq!(
            kubelet_args("/docker/1f"),
            [
                "--kubelet-arg=cgroup-root=/docker/1f",
                "--kubelet-arg=kubelet-cgroups=/docker/1f/k3s",
                "--kubelet-arg=runtime-cgroups=/docker/1f/k3s",
            ]
        );
    }

    proptest! {
        #[test]
        fn never_outside_of_the_mounted_hierarchy(text in "(0::)?[/.a-z]{0,12}") {
            if let Some(path) = path(&text) {
                let directory = directory(Path::new("/sys/fs/cgroup"), path);
                prop_assert!(directory.starts_with("/sys/fs/cgroup"));
                prop_assert!(!directory.components().any(|c| c.as_os_str() == ".."));
            }
        }
    }
}
