//! The data volume: whether it is one, whether it is ours, and what it remembers of the last run.

use crate::failure::{Context, Failure};
use crate::files;
use nix::fcntl::{Flock, FlockArg};
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use openshell_contract::status::BootKind;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What k3s or we put at the top of the volume. An empty volume is a new one.
const OURS: &[&str] = &["agent", "data", "openshell", "server", "storage"];

/// The volume, locked against a second container.
pub struct Volume {
    _lock: Flock<File>,
    last: Option<Run>,
    current: Option<Run>,
}

/// What the volume remembers of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Identity of the image: release and chart.
    pub image: String,
    /// The container's address.
    pub address: String,
    /// The node's name.
    pub node: String,
    /// Whether the run ended by a clean stop.
    pub clean: bool,
    /// How many runs there were, this one included.
    pub count: u64,
}

impl Volume {
    /// Checks the data directory and takes it. Nothing is written into a volume that is not ours.
    pub fn open() -> Result<Self, Failure> {
        let data = Path::new(path::DATA);
        if !is_mount_point(data).failing(Reason::NoDataVolume, || format!("can't look at {}", path::DATA))? {
            return Err(Failure::new(
                Reason::NoDataVolume,
                format!(
                    "no volume is mounted on {}: the cluster would be lost with the container",
                    path::DATA
                ),
            ));
        }
        if let Some(stranger) =
            foreign_content(data).failing(Reason::ForeignVolume, || format!("can't list {}", path::DATA))?
        {
            return Err(Failure::new(
                Reason::ForeignVolume,
                format!("the volume on {} holds {stranger:?} and nothing of k3s or ours", path::DATA),
            ));
        }
        let state = Path::new(path::STATE);
        files::make_dir(state, 0o700)
            .failing(Reason::StateUnusable, || format!("can't make {}", path::STATE))?;
        let lock = lock(&state.join("lock"))?;
        let last = read_run(&run_file())?;
        Ok(Self { _lock: lock, last, current: None })
    }

    /// Remembers that a run has begun. Returns what kind of start it is.
    pub fn begin(&mut self, image: &str, address: &str, node: &str) -> Result<BootKind, Failure> {
        let run = Run {
            image: image.to_owned(),
            address: address.to_owned(),
            node: node.to_owned(),
            clean: false,
            count: self.last.as_ref().map_or(1, |last| last.count + 1),
        };
        write_run(&run)?;
        // k3s's data without our record: an original gateway's volume.
        let adopted = Path::new(path::DATA).join("server/db").exists();
        let kind = kind(self.last.as_ref(), &run, adopted);
        self.current = Some(run);
        Ok(kind)
    }

    /// Remembers that the run ended by a clean stop, if it had begun.
    pub fn end_cleanly(&self) -> Result<(), Failure> {
        match &self.current {
            Some(run) => write_run(&Run { clean: true, ..run.clone() }),
            None => Ok(()),
        }
    }
}

/// What kind of start `now` is after `last`; the most consequential difference wins.
fn kind(last: Option<&Run>, now: &Run, has_data: bool) -> BootKind {
    match last {
        None if has_data => BootKind::ImageChanged,
        None => BootKind::First,
        Some(last) if last.node != now.node => BootKind::NodeRenamed,
        Some(last) if last.image != now.image => BootKind::ImageChanged,
        Some(last) if last.address != now.address => BootKind::AddressChanged,
        Some(last) if !last.clean => BootKind::AfterCrash,
        Some(_) => BootKind::Resume,
    }
}

fn run_file() -> PathBuf {
    Path::new(path::STATE).join("last-run.json")
}

/// A record that can't be read is no reason not to start: the run counts as crashed.
fn read_run(file: &Path) -> Result<Option<Run>, Failure> {
    let text = files::read_if_there(file)
        .failing(Reason::StateUnusable, || format!("can't read {}", file.display()))?;
    Ok(text.map(|text| serde_json::from_str(&text).unwrap_or_default()))
}

fn write_run(run: &Run) -> Result<(), Failure> {
    let context = || format!("can't write {}", run_file().display());
    let json = serde_json::to_vec(run).failing(Reason::StateUnusable, context)?;
    files::replace_durably(&run_file(), &json, 0o644).failing(Reason::StateUnusable, context)
}

/// A mount point is on another device than its parent, or is another directory's root on the same one
/// (a bind mount), which only the mount table tells (`proc_pid_mountinfo(5)`, field 5).
fn is_mount_point(dir: &Path) -> io::Result<bool> {
    let Some(parent) = dir.parent() else { return Ok(true) };
    if !dir.exists() {
        return Ok(false);
    }
    if fs::metadata(dir)?.dev() != fs::metadata(parent)?.dev() {
        return Ok(true);
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    Ok(mounts.lines().filter_map(|l| l.split(' ').nth(4)).any(|point| Path::new(point) == dir))
}

/// A name in `dir` if there are some and none is of k3s or ours.
fn foreign_content(dir: &Path) -> io::Result<Option<String>> {
    let names: Vec<String> = fs::read_dir(dir)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    let mut names = names.into_iter().filter(|n| n != "lost+found").peekable();
    let first = names.peek().cloned();
    Ok(if names.any(|n| OURS.contains(&n.as_str())) { None } else { first })
}

fn lock(file: &Path) -> Result<Flock<File>, Failure> {
    let open = File::options().create(true).truncate(false).write(true).open(file);
    let open = open.failing(Reason::StateUnusable, || format!("can't open {}", file.display()))?;
    Flock::lock(open, FlockArg::LockExclusiveNonblock).map_err(|(_, e)| {
        Failure::caused(Reason::VolumeInUse, "another container runs on this volume: its lock is taken", &e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        Run { image: "i".into(), address: "a".into(), node: "n".into(), clean: true, count: 1 }
    }

    #[test]
    fn the_kind_of_a_start() {
        let now = run();
        let after = |change: fn(&mut Run)| {
            let mut last = run();
            change(&mut last);
            kind(Some(&last), &now, true)
        };
        assert_eq!(kind(None, &now, false), BootKind::First);
        assert_eq!(kind(None, &now, true), BootKind::ImageChanged);
        assert_eq!(after(|_| {}), BootKind::Resume);
        assert_eq!(after(|r| r.clean = false), BootKind::AfterCrash);
        assert_eq!(after(|r| r.address = "b".into()), BootKind::AddressChanged);
        assert_eq!(after(|r| r.image = "j".into()), BootKind::ImageChanged);
        assert_eq!(after(|r| r.node = "m".into()), BootKind::NodeRenamed);
    }

    #[test]
    fn a_volume_is_ours_when_new_or_when_k3s_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let foreign = || foreign_content(dir.path()).unwrap();
        assert_eq!(foreign(), None);
        fs::create_dir(dir.path().join("lost+found")).unwrap();
        assert_eq!(foreign(), None);
        fs::create_dir(dir.path().join("photos")).unwrap();
        assert_eq!(foreign().as_deref(), Some("photos"));
        fs::create_dir(dir.path().join("server")).unwrap();
        assert_eq!(foreign(), None);
    }

    #[test]
    fn a_plain_directory_is_no_mount_point() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_mount_point(dir.path()).unwrap());
        assert!(!is_mount_point(&dir.path().join("missing")).unwrap());
        assert!(is_mount_point(Path::new("/proc")).unwrap());
    }
}
