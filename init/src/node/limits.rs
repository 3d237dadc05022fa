//! Limits of the kernel that a node runs into.

use super::Prepared;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs;

/// Open files that containerd and kubelet want to be allowed.
const FILES: u64 = 64_000;
/// What is too little of a kernel parameter: its own default (Linux `inotify(7)`). kubelet, containerd and
/// every pod watch files; with less they fail with "too many open files".
const INOTIFY: [(&str, u64); 2] =
    [("fs.inotify.max_user_instances", 128), ("fs.inotify.max_user_watches", 8192)];

/// Raises the limit of open files for us and every child, and looks at the limits that belong to the host.
pub fn prepare() -> Prepared {
    let mut warnings: Vec<String> = INOTIFY
        .iter()
        .filter_map(|(name, least)| {
            let file = format!("/proc/sys/{}", name.replace('.', "/"));
            // Without the file there is no such limit.
            too_low(name, &fs::read_to_string(file).ok()?, *least)
        })
        .collect();
    warnings.extend(raise_files());
    Prepared { warnings, ..Prepared::default() }
}

/// A host's parameter is the host's to change; the line says how.
fn too_low(name: &str, value: &str, least: u64) -> Option<String> {
    let value: u64 = value.trim().parse().ok()?;
    (value < least).then(|| {
        format!("{name} is {value}, and pods may fail with \"too many open files\"; on the host: sysctl -w {name}={}", least * 8)
    })
}

/// Raises the soft limit to the hard one (`getrlimit(2)`), which children inherit.
fn raise_files() -> Option<String> {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok(hard)
    });
    match raised {
        Ok(files) if files >= FILES => None,
        Ok(files) => Some(format!(
            "at most {files} files may be open, less than {FILES}; start the container with --ulimit nofile=1048576"
        )),
        Err(e) => Some(format!("the limit of open files can't be raised: {e}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_comes_with_the_line_that_raises_it() {
        let text = too_low("fs.inotify.max_user_instances", "64\n", 128).unwrap();
        assert!(text.contains("is 64") && text.ends_with("sysctl -w fs.inotify.max_user_instances=1024"));
        assert_eq!(too_low("x", "128\n", 128), None);
        assert_eq!(too_low("x", "unlimited\n", 128), None);
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 512, hard).unwrap();
        assert_eq!(raise_files().is_none(), hard >= FILES);
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (hard, hard));
    }
}
