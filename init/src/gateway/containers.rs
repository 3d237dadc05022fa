//! Whether a container of a pod runs at this moment, as the kernel has it.
//!
//! The API tells of a container until kubelet has looked again: after a restart, of one that ended with the last
//! run. Times don't tell them apart, since the clock may have been set meanwhile.

use std::fs;

/// Whether a process of the container lives: its control group is named after it (cgroup drivers of containerd,
/// with and without systemd), and every container is in our PID namespace.
pub fn lives(container: &str) -> bool {
    let Some(id) = id(container) else { return false };
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes.flatten().any(|process| {
        // A process may end at any time.
        let groups = fs::read_to_string(process.path().join("cgroup")).unwrap_or_default();
        groups.contains(id)
    })
}

/// The id in `containerd://ID` (Kubernetes `ContainerStatus.containerID`).
fn id(container: &str) -> Option<&str> {
    let (_, id) = container.split_once("://")?;
    (id.len() >= 32 && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near_text;
    use proptest::prelude::*;

    #[test]
    fn only_a_whole_id_names_a_container() {
        let whole = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        assert_eq!(id(&format!("containerd://{whole}")), Some(whole));
        for none in ["", "containerd://", "containerd://init", whole, "containerd://../../etc"] {
            assert_eq!(id(none), None, "{none}");
        }
        assert!(!lives(&format!("containerd://{whole}")));
    }

    proptest! {
        #[test]
        fn an_id_is_never_anything_but_hexadecimal(container in near_text(&["containerd://0123456789abcdef0123456789abcdef"])) {
            prop_assert!(id(&container).is_none_or(|id| id.len() >= 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
        }
    }
}
