//! Empties a group of processes and hands its controllers to its children.

use super::own::INIT;
use crate::failure::{Context, Failure};
use openshell_contract::reason::Reason;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// k3s ends without one of these (k3s `pkg/cgroups`, `validateCgroupsV2`; kubelet for pids).
const NEEDED: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];
/// Without these, what they limit isn't limited.
const WANTED: [&str; 1] = ["io"];
/// How long the group may stay busy: a health check may start in it at any time.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// What was reached.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delegated {
    /// What is limited less than one would think.
    pub warning: Option<String>,
}

/// Moves every process of `group` into its child [`INIT`] and enables its controllers for its children.
pub fn delegate(group: &Path) -> Result<Delegated, Failure> {
    let available = fs::read_to_string(group.join("cgroup.controllers"))
        .failing(Reason::CgroupController, || format!("can't read the controllers of {}", group.display()))?;
    let plan = plan(&available).map_err(|missing| {
        Failure::new(
            Reason::CgroupController,
            format!("{} lacks the controller {}", group.display(), missing.join(", ")),
        )
    })?;
    fs::create_dir_all(group.join(INIT))
        .and_then(|()| until_idle(PATIENCE, || move_all(group), || enable(group, &plan.enable)))
        .map_err(|e| refusal(group, &e))?;
    Ok(Delegated { warning: plan.warning })
}

/// Empties the group and enables its controllers, again and again while processes come in between.
fn until_idle(
    patience: Duration,
    mut empty: impl FnMut() -> io::Result<()>,
    mut enable: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        empty()?;
        match enable() {
            Err(e) if e.kind() == ErrorKind::ResourceBusy && Instant::now() < deadline => {
                thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}

/// A group that may not be written has not been given to us: in a user namespace the host has to delegate
/// it (`cgroups(7)`, "Cgroup delegation").
fn refusal(group: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Failure::caused(
            Reason::CgroupController,
            format!("{} is not delegated to the container", group.display()),
            error,
        ),
        _ => Failure::caused(
            Reason::NodePreparation,
            format!("can't delegate the controllers of {}", group.display()),
            error,
        ),
    }
}

struct Plan<'a> {
    enable: Vec<&'a str>,
    warning: Option<String>,
}

/// What to do with the controllers that a group has (`cgroup.controllers`), or those that are missing.
fn plan(available: &str) -> Result<Plan<'_>, Vec<&'static str>> {
    let enable: Vec<&str> = available.split_whitespace().collect();
    let missing = |wanted: &[&'static str]| -> Vec<&'static str> {
        wanted.iter().copied().filter(|c| !enable.contains(c)).collect()
    };
    let needed = missing(&NEEDED);
    if !needed.is_empty() {
        return Err(needed);
    }
    let wanted = missing(&WANTED);
    let warning = (!wanted.is_empty()).then(|| {
        format!("pods are not limited by the cgroup controller {}: it is missing", wanted.join(", "))
    });
    Ok(Plan { enable, warning })
}

/// Moves what is in the group now.
fn move_all(group: &Path) -> io::Result<()> {
    let target = group.join(INIT).join("cgroup.procs");
    for pid in processes(&fs::read_to_string(group.join("cgroup.procs"))?) {
        match fs::write(&target, pid) {
            // It has ended.
            Err(e) if e.raw_os_error() == Some(nix::libc::ESRCH) => {}
            other => other?,
        }
    }
    Ok(())
}

/// Each by itself: one that the kernel refuses for a reason of its own doesn't hold up the others.
fn enable(group: &Path, controllers: &[&str]) -> io::Result<()> {
    let control = group.join("cgroup.subtree_control");
    for controller in controllers {
        match fs::write(&control, format!("+{controller}")) {
            // Real-time processes, or a threaded group: kubelet goes without.
            Err(e) if !NEEDED.contains(controller) && e.kind() != ErrorKind::ResourceBusy => {}
            other => other?,
        }
    }
    Ok(())
}

/// Process ids in `cgroup.procs`; 0 stands for a process outside the PID namespace.
fn processes(procs: &str) -> Vec<&str> {
    procs.lines().map(str::trim).filter(|pid| !pid.is_empty() && *pid != "0").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near_text;
    use crate::sandbox::with_own_mounts;
    use nix::mount::MsFlags;
    use proptest::prelude::*;

    /// A directory that looks like a group with these controllers and processes.
    fn group(controllers: &str, procs: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("cgroup.controllers"), controllers).unwrap();
        fs::write(dir.path().join("cgroup.procs"), procs).unwrap();
        fs::write(dir.path().join("cgroup.subtree_control"), "").unwrap();
        dir
    }

    #[test]
    fn processes_outside_the_namespace_are_skipped() {
        assert_eq!(processes("1\n0\n42\n"), ["1", "42"]);
    }

    #[test]
    fn a_missing_controller_is_named() {
        let dir = group("cpu memory pids\n", "");
        let failure = delegate(dir.path()).unwrap_err();
        assert_eq!(failure.reason, Reason::CgroupController);
        assert!(failure.message.ends_with("lacks the controller cpuset"), "{}", failure.message);
        assert!(!dir.path().join(INIT).exists(), "something was changed");
    }

    #[test]
    fn processes_move_and_controllers_are_enabled() {
        let dir = group("cpuset cpu io memory pids\n", "1\n0\n");
        assert_eq!(delegate(dir.path()).unwrap(), Delegated::default());
        let read = |file: &str| fs::read_to_string(dir.path().join(file)).unwrap();
        assert_eq!(read("init/cgroup.procs"), "1");
        assert_eq!(read("cgroup.subtree_control"), "+pids");
    }

    #[test]
    fn without_io_there_is_a_warning() {
        let dir = group("cpuset cpu memory pids\n", "");
        assert!(delegate(dir.path()).unwrap().warning.unwrap().contains("controller io"));
    }

    #[test]
    fn processes_that_come_in_between_are_moved_too() {
        let busy = || io::Error::from(ErrorKind::ResourceBusy);
        let (mut moved, mut tried) = (0, 0);
        until_idle(
            Duration::from_secs(10),
            || {
                moved += 1;
                Ok(())
            },
            || {
                tried += 1;
                if tried < 4 { Err(busy()) } else { Ok(()) }
            },
        )
        .unwrap();
        assert_eq!((moved, tried), (4, 4));
        let never = until_idle(Duration::from_millis(20), || Ok(()), || Err(busy()));
        assert_eq!(never.unwrap_err().kind(), ErrorKind::ResourceBusy);
        let other = until_idle(Duration::from_secs(10), || Ok(()), || Err(ErrorKind::InvalidInput.into()));
        assert_eq!(other.unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_group_that_may_not_be_written_is_not_delegated() {
        let reason = |kind: ErrorKind| refusal(Path::new("/g"), &kind.into()).reason;
        assert_eq!(reason(ErrorKind::PermissionDenied), Reason::CgroupController);
        assert_eq!(reason(ErrorKind::ReadOnlyFilesystem), Reason::CgroupController);
        assert_eq!(reason(ErrorKind::ResourceBusy), Reason::NodePreparation);
    }

    /// On the real hierarchy. This kernel may have no controllers to give to it (hybrid hosts), but moving
    /// doesn't depend on them.
    #[test]
    fn a_real_group_is_emptied() {
        with_own_mounts(|| {
            let mount = tempfile::tempdir().unwrap();
            let none = None::<&str>;
            nix::mount::mount(none, mount.path(), Some("cgroup2"), MsFlags::empty(), none).unwrap();
            let group = mount.path().join(format!("openshell-test-{}", std::process::id()));
            fs::create_dir_all(group.join(INIT)).unwrap();
            let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
            fs::write(group.join("cgroup.procs"), child.id().to_string()).unwrap();
            move_all(&group).unwrap();
            let left = fs::read_to_string(group.join("cgroup.procs")).unwrap();
            let moved = fs::read_to_string(group.join(INIT).join("cgroup.procs")).unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
            fs::remove_dir(group.join(INIT)).unwrap();
            fs::remove_dir(&group).unwrap();
            nix::mount::umount(mount.path()).unwrap();
            assert_eq!((left.as_str(), moved.trim()), ("", child.id().to_string().as_str()));
        });
    }

    proptest! {
        #[test]
        fn whatever_a_group_says_only_what_it_has_is_enabled(
            controllers in near_text(&["cpuset cpu io memory hugetlb pids rdma misc\n"]),
            procs in near_text(&["1\n0\n42\n"]),
        ) {
            if let Ok(plan) = plan(&controllers) {
                prop_assert!(plan.enable.iter().all(|name| controllers.split_whitespace().any(|has| has == *name)));
            }
            prop_assert!(processes(&procs).iter().all(|pid| !["", "0"].contains(pid)));
        }
    }
}
