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
    let context = || format!("can't delegate the controllers of {}", group.display());
    let available = fs::read_to_string(group.join("cgroup.controllers"))
        .failing(Reason::CgroupController, || format!("can't read the controllers of {}", group.display()))?;
    let plan = plan(&available).map_err(|missing| {
        Failure::new(
            Reason::CgroupController,
            format!("{} lacks the controller {}", group.display(), missing.join(", ")),
        )
    })?;
    fs::create_dir_all(group.join(INIT)).failing(Reason::NodePreparation, context)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        move_all(group).failing(Reason::NodePreparation, context)?;
        match enable(group, &plan.enable) {
            Ok(()) => return Ok(Delegated { warning: plan.warning }),
            // A process came in between.
            Err(e) if e.kind() == ErrorKind::ResourceBusy && Instant::now() < deadline => {
                thread::sleep(PAUSE);
            }
            Err(e) => return Err(Failure::caused(Reason::NodePreparation, context(), &e)),
        }
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

/// Moves what is in the group, until nothing is.
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

    /// On the real hierarchy, if this kernel has controllers to give to it: hybrid hosts may have none.
    #[test]
    fn a_real_group_is_emptied_and_can_have_children() {
        let mount = tempfile::tempdir().unwrap();
        if nix::mount::mount(
            None::<&str>,
            mount.path(),
            Some("cgroup2"),
            nix::mount::MsFlags::empty(),
            None::<&str>,
        )
        .is_err()
        {
            return;
        }
        let group = mount.path().join("openshell-test-evacuate");
        fs::create_dir(&group).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        fs::write(group.join("cgroup.procs"), child.id().to_string()).unwrap();
        fs::create_dir(group.join(INIT)).unwrap();
        move_all(&group).unwrap();
        let left = fs::read_to_string(group.join("cgroup.procs")).unwrap();
        let moved = fs::read_to_string(group.join(INIT).join("cgroup.procs")).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_dir(group.join(INIT)).unwrap();
        fs::remove_dir(&group).unwrap();
        nix::mount::umount(mount.path()).unwrap();
        assert_eq!((left.as_str(), moved.trim()), ("", child.id().to_string().as_str()));
    }
}
