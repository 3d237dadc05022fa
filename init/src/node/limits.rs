//! Limits of the kernel that a node runs into.
//!
//! Connection tracking is not among them: k3s passes kube-proxy `--conntrack-max-per-core=0` and no
//! timeouts (k3s `pkg/daemons/agent`, `kubeProxyArgs`), sets what it can itself and only logs what it can't
//! (k3s `pkg/agent/syssetup`).

use super::Prepared;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use std::fs;
use std::path::Path;

/// Open files that containerd and kubelet want to be allowed.
const FILES: rlim_t = 64_000;
/// As many as k3s's own service has (k3s `install.sh`, `LimitNOFILE`). Not more: programs in pods inherit
/// the limit, and some walk through all of it.
const ENOUGH_FILES: rlim_t = 1_048_576;
/// What kubelet, containerd and many pods together watch (kind "Known issues", "too many open files"). The
/// kernel's own default of 128 instances is used up by a few dozen pods (`inotify(7)`).
const INOTIFY: [(&str, u64); 2] =
    [("fs.inotify.max_user_instances", 512), ("fs.inotify.max_user_watches", 524_288)];

/// Raises the limits of open files and of watches.
pub fn prepare() -> Prepared {
    let raised: Vec<Raised> =
        INOTIFY.iter().map(|(name, wanted)| raise_parameter(Path::new("/proc/sys"), name, *wanted)).collect();
    let detail: Vec<&str> = raised.iter().filter_map(Raised::done).collect();
    let mut warnings: Vec<String> = raised.iter().filter_map(Raised::refused).map(str::to_owned).collect();
    let detail = detail.join(", ");
    warnings.extend(raise_files());
    Prepared { detail, warnings, ..Prepared::default() }
}

/// What came of a kernel parameter.
#[derive(Debug, PartialEq, Eq)]
enum Raised {
    /// It is high enough, or this kernel has no such limit.
    Enough,
    /// It was raised: what it is now.
    Done(String),
    /// It could not be: the consequence, and what to do.
    Refused(String),
}

impl Raised {
    fn done(&self) -> Option<&str> {
        if let Self::Done(text) = self { Some(text) } else { None }
    }

    fn refused(&self) -> Option<&str> {
        if let Self::Refused(text) = self { Some(text) } else { None }
    }
}

/// Raises parameter `name` below `root` to `wanted`, never lowers it. It is the host's, as are those that
/// kubelet sets; where it can't be written the line tells what to do there.
fn raise_parameter(root: &Path, name: &str, wanted: u64) -> Raised {
    let file = root.join(name.replace('.', "/"));
    let Ok(text) = fs::read_to_string(&file) else { return Raised::Enough };
    let Ok(value) = text.trim().parse::<u64>() else { return Raised::Enough };
    if value >= wanted {
        return Raised::Enough;
    }
    match fs::write(&file, wanted.to_string()) {
        Ok(()) => Raised::Done(format!("{name} {value} → {wanted}")),
        Err(e) => Raised::Refused(format!(
            "{name} is {value} and can't be raised ({e}): pods may fail with \"too many open files\"; \
             on the host: sysctl -w {name}={wanted}"
        )),
    }
}

/// Raises the soft limit, which children inherit, as far as the hard one lets it (`getrlimit(2)`).
fn raise_files() -> Option<String> {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let wanted = soft_limit(soft, hard);
        if wanted != soft {
            setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
        }
        Ok(wanted)
    });
    match raised {
        Ok(files) if files >= FILES => None,
        Ok(files) => Some(format!(
            "at most {files} files may be open, less than {FILES}; start the container with --ulimit nofile={ENOUGH_FILES}"
        )),
        Err(e) => Some(format!("the limit of open files can't be raised: {e}")),
    }
}

/// The soft limit that is wanted. One that is higher was asked for.
fn soft_limit(soft: rlim_t, hard: rlim_t) -> rlim_t {
    soft.max(hard.min(ENOUGH_FILES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_raised_and_never_lowered() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a/b");
        fs::create_dir(root.path().join("a")).unwrap();
        let raise = |value: &str| {
            fs::write(&file, value).unwrap();
            let raised = raise_parameter(root.path(), "a.b", 512);
            (raised, fs::read_to_string(&file).unwrap())
        };
        assert_eq!(raise("128\n"), (Raised::Done("a.b 128 → 512".to_owned()), "512".to_owned()));
        assert_eq!(raise("512\n"), (Raised::Enough, "512\n".to_owned()));
        assert_eq!(raise("9999\n"), (Raised::Enough, "9999\n".to_owned()));
        assert_eq!(raise("unlimited\n"), (Raised::Enough, "unlimited\n".to_owned()));
        assert_eq!(raise_parameter(root.path(), "a.missing", 512), Raised::Enough);
    }

    #[test]
    fn one_that_cant_be_raised_comes_with_the_line_that_does() {
        crate::sandbox::with_own_mounts(|| {
            use nix::mount::{MsFlags, mount};
            const NONE: Option<&str> = None;
            let root = tempfile::tempdir().unwrap();
            fs::write(root.path().join("x"), "64\n").unwrap();
            mount(Some(root.path()), root.path(), NONE, MsFlags::MS_BIND, NONE).unwrap();
            let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
            mount(NONE, root.path(), NONE, read_only, NONE).unwrap();
            let raised = raise_parameter(root.path(), "x", 512);
            let text = raised.refused().unwrap();
            assert!(text.starts_with("x is 64 and can't be raised (Read-only file system"), "{text}");
            assert!(text.ends_with("sysctl -w x=512"), "{text}");
            nix::mount::umount(root.path()).unwrap();
        });
    }

    #[test]
    fn the_soft_limit_of_files() {
        for (soft, hard, wanted) in [
            (1024, 524_288, 524_288),
            (1024, 1_048_576, 1_048_576),
            (1024, 1_073_741_816, 1_048_576),
            (1_073_741_816, 1_073_741_816, 1_073_741_816),
            (1024, 4096, 4096),
        ] {
            assert_eq!(soft_limit(soft, hard), wanted, "{soft} of {hard}");
        }
    }

    #[test]
    fn the_real_soft_limit_is_raised() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 512, hard).unwrap();
        assert_eq!(raise_files().is_none(), hard >= FILES);
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (soft_limit(512, hard), hard));
    }
}
