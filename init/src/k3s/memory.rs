//! Whether the kernel killed something of the container for want of memory.

use std::fs;

/// Where the container's own group counts such kills: cgroup v2 (`Documentation/admin-guide/cgroup-v2.rst`,
/// `memory.events`; process 1 lies in the child `init`, and the count of a group includes its children's),
/// and v1 (`memory.oom_control`, since Linux 4.13).
const COUNTERS: [&str; 2] = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"];

/// How often it did until now, as far as that can be known.
pub fn kills() -> u64 {
    COUNTERS.iter().find_map(|file| count(&fs::read_to_string(file).ok()?)).unwrap_or(0)
}

fn count(counters: &str) -> Option<u64> {
    counters.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near_text;
    use proptest::prelude::*;

    #[test]
    fn both_hierarchies_count() {
        assert_eq!(count("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n"), Some(2));
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"), Some(1));
        assert_eq!(count("oom_kill_disable 0\n"), None);
    }

    proptest! {
        #[test]
        fn no_counters_panic(counters in near_text(&["low 0\noom 3\noom_kill 2\n", "under_oom 0\noom_kill 1\n"])) {
            let _ = count(&counters);
        }
    }
}
