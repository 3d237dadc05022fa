//! What a gateway needs of this machine, when Docker runs on it.

use super::check::{Check, Level};

/// Share of a file system that is free, in percent, below which kubelet evicts pods (its
/// `--eviction-hard` default for image file systems).
const EVICTION: u64 = 15;
/// Watches that the pods of a busy node are known to need (kind, "Known issues": inotify limits).
const WATCHERS: u64 = 512;

pub(super) fn checks(docker_root: Option<&str>) -> Vec<Check> {
    let mut checks: Vec<_> = docker_root.and_then(disk).into_iter().collect();
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").ok();
    checks.extend(limit.and_then(|text| text.trim().parse().ok()).map(watchers));
    checks
}

/// Nothing if Docker's directory can't be looked at from here.
fn disk(root: &str) -> Option<Check> {
    let found = rustix::fs::statvfs(root).ok()?;
    Some(space(
        root,
        found.f_bavail.saturating_mul(found.f_frsize),
        found.f_blocks.saturating_mul(found.f_frsize),
    ))
}

fn space(root: &str, free: u64, all: u64) -> Check {
    let percent = free.saturating_mul(100).checked_div(all).unwrap_or_default();
    let found = format!("{} GB free in {root}, {percent} %", free / 1_000_000_000);
    let remedy = "free space: docker image prune";
    match percent {
        0..5 => Check::bad("Disk", Level::Failed, found, remedy),
        5..EVICTION => Check::bad("Disk", Level::Warning, found, remedy),
        _ => Check::ok("Disk", found),
    }
}

fn watchers(limit: u64) -> Check {
    let found = format!("{limit} instances for each user");
    if limit < WATCHERS {
        return Check::bad("Watches", Level::Warning, found, "sysctl fs.inotify.max_user_instances=512");
    }
    Check::ok("Watches", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_by_what_is_free() {
        let level = |free| space("/", free, 100).level;
        assert_eq!(
            [level(4), level(14), level(15), level(100)],
            [Level::Failed, Level::Warning, Level::Ok, Level::Ok]
        );
        assert_eq!(space("/", 0, 0).level, Level::Failed);
        assert_eq!((watchers(128).level, watchers(512).level), (Level::Warning, Level::Ok));
        assert_eq!(checks(Some("/")).first().map(|c| c.name), Some("Disk"));
        assert!(checks(Some("/nowhere/docker")).iter().all(|c| c.name != "Disk"));
    }
}
