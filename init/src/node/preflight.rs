//! What would fail late and badly, looked at first: free space and the clock.

use super::Prepared;
use crate::clock;
use nix::sys::statvfs::statvfs;
use openshell_contract::names::path;
use std::time::{Duration, SystemTime};

/// Share of the volume below which k3s's kubelet evicts pods, in percent (k3s `pkg/daemons/agent`,
/// `evictionHard`: `nodefs.available` and `imagefs.available`). Inodes are not among its signals there.
const EVICTION: u64 = 5;
/// A clock before this, after 1970-01-01, was never set. Certificates made then would be expired, and
/// those made before would not be valid yet.
const EARLIEST: Duration = Duration::from_hours(24 * 365 * 55);

/// Warns of what will fail. It is no refusal: both may mend while the gateway runs. A volume that nothing
/// can be written to has failed earlier, in its own stage; certificates from the future are judged with them.
pub fn look() -> Prepared {
    let mut warnings = Vec::new();
    match statvfs(path::DATA) {
        Ok(disk) => {
            let below = format!("below {EVICTION} % kubelet evicts pods");
            warnings.extend(too_full("bytes", disk.blocks_available(), disk.blocks(), &below));
            let without = "without, no file can be made";
            warnings.extend(too_full("inodes", disk.files_available(), disk.files(), without));
        }
        Err(e) => warnings.push(format!("the free space on {} is unknown: {e}", path::DATA)),
    }
    warnings.extend(never_set(clock::now()));
    Prepared { warnings, ..Prepared::default() }
}

fn too_full(what: &str, available: u64, all: u64, why: &str) -> Option<String> {
    // Some file systems have no fixed number of inodes, and say 0.
    if available.saturating_mul(100) >= all.saturating_mul(EVICTION) {
        return None;
    }
    Some(format!(
        "{} has {} % of its {what} free, and {why}; free space where Docker keeps its volumes",
        path::DATA,
        available * 100 / all
    ))
}

fn never_set(now: SystemTime) -> Option<String> {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (since < EARLIEST).then(|| {
        format!(
            "the clock says {} s since 1970: it was never set, and certificates will not verify",
            since.as_secs()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_volume_is_told_before_pods_are_evicted() {
        assert_eq!(too_full("bytes", 5, 100, "x"), None);
        assert!(too_full("bytes", 4, 100, "x").unwrap().contains("has 4 % of its bytes free, and x"));
        assert_eq!(too_full("inodes", 0, 0, "x"), None);
    }

    #[test]
    fn a_clock_that_was_never_set_is_told() {
        assert!(never_set(SystemTime::UNIX_EPOCH + Duration::from_hours(1)).unwrap().contains("3600 s"));
        assert_eq!(never_set(SystemTime::now()), None);
    }
}
