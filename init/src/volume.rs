//! The data volume: whether it is one, whether it is ours, and what it remembers of the last run.

mod adopted;
mod current;
pub mod room;
mod run;
mod version;
pub mod written;

use crate::failure::{Context, Failure};
use crate::files;
use crate::kept::Kept;
use nix::fcntl::{Flock, FlockArg};
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use openshell_contract::status::BootKind;
use openshell_pid1::mountinfo;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub use current::Current;
pub use run::Run;

/// What k3s or we put at the top of the volume. An empty volume is a new one.
const OURS: &[&str] = &["agent", "data", "openshell", "server", "storage"];

/// The volume, locked against a second container.
pub struct Volume {
    _lock: Flock<File>,
    last: Option<Run>,
    /// The node's name of before we had the volume.
    adopted: Option<String>,
    current: Current,
    /// Files that were not what we had left.
    mended: Vec<String>,
}

impl Volume {
    /// Checks the data directory and takes it. Nothing is written into a volume that is not ours.
    pub fn open(current: Current) -> Result<Self, Failure> {
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
        let mut mended: Vec<String> = version::take(state)?.into_iter().collect();
        for kept in Kept::BEHIND_VERSION {
            mended.extend(kept.mend(state)?);
            kept.secure(state)?;
        }
        let last = Run::read()?;
        let adopted = if last.is_none() { adopted::node() } else { None };
        Ok(Self { _lock: lock, last, adopted, current, mended })
    }

    /// What had to be restored when the volume was opened.
    pub fn mended(&self) -> &[String] {
        &self.mended
    }

    /// The node's name in the last run, if there was one.
    pub fn last_node(&self) -> Option<&str> {
        let last = self.last.as_ref().map(|last| last.node.as_str()).filter(|node| !node.is_empty());
        last.or(self.adopted.as_deref())
    }

    /// Remembers that a run has begun. Returns what kind of start it is, and the run.
    pub fn begin(&self, image: &str, address: &str, node: &str) -> Result<(BootKind, Run), Failure> {
        let run = Run::after(self.last.as_ref(), self.adopted.as_deref(), image, address, node);
        run.write()?;
        // k3s's data without our record: an original gateway's volume.
        let has_data = Path::new(path::DATA).join("server/db").exists();
        let kind = run.kind(self.last.as_ref(), self.adopted.as_deref(), has_data);
        self.current.begin(run.clone());
        Ok((kind, run))
    }

    /// What is worth knowing of how the runs before `current` ended.
    pub fn warning(&self, current: &Run) -> Option<String> {
        let cause = self.last.as_ref()?.cause.as_deref().unwrap_or("killed, or the power failed");
        (current.crashes > 0).then(|| {
            format!("{} runs in a row did not end by a clean stop; the last one: {cause}", current.crashes)
        })
    }
}

/// A mount point is on another device than its parent, or is another directory's root on the same one
/// (a bind mount), which only the mount table tells.
fn is_mount_point(dir: &Path) -> io::Result<bool> {
    let Some(parent) = dir.parent() else { return Ok(true) };
    if !dir.exists() {
        return Ok(false);
    }
    if fs::metadata(dir)?.dev() != fs::metadata(parent)?.dev() {
        return Ok(true);
    }
    Ok(mountinfo::on(&mountinfo::read()?, dir).is_some())
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
