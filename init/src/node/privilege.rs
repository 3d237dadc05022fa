//! Whether the container may do what a node has to.

use crate::failure::{Context, Failure};
use openshell_contract::reason::Reason;

/// Capabilities without which kubelet, containerd and kube-proxy can't work (`capabilities(7)`).
const NEEDED: &[(u32, &str)] = &[(12, "CAP_NET_ADMIN"), (16, "CAP_SYS_MODULE"), (21, "CAP_SYS_ADMIN")];

/// Fails if a needed capability is missing, which names all that are.
pub fn check() -> Result<(), Failure> {
    let status = std::fs::read_to_string("/proc/self/status")
        .failing(Reason::NotPrivileged, || "can't read /proc/self/status")?;
    let missing = missing(&status);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Reason::NotPrivileged,
        format!("the container is not privileged: it lacks {}", missing.join(", ")),
    ))
}

fn missing(status: &str) -> Vec<&'static str> {
    let effective = status
        .lines()
        .find_map(|l| u64::from_str_radix(l.strip_prefix("CapEff:")?.trim(), 16).ok())
        .unwrap_or(0);
    NEEDED.iter().filter(|(bit, _)| effective & (1 << bit) == 0).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near_text;
    use proptest::prelude::*;

    #[test]
    fn docker_default_lacks_them_and_privileged_has_them() {
        assert_eq!(missing("CapEff:\t00000000a80425fb\n").len(), 3);
        assert!(missing("CapEff:\t000001ffffffffff\n").is_empty());
        assert_eq!(missing("").len(), 3);
    }

    proptest! {
        #[test]
        fn whatever_the_kernel_writes_only_known_names_are_missed(status in near_text(&["Name:\tx\nCapEff:\t000001ffffffffff\n"])) {
            prop_assert!(missing(&status).len() <= NEEDED.len());
        }
    }
}
