//! Images that a power cut left half unpacked.
//!
//! containerd unpacks images without `fsync(2)`, and notes in a database, which does, that they are there. When
//! the power fails before the kernel has written the files out, programs are empty, and it believes them whole at
//! every start from then on. So a note says, from before k3s starts until the volume was written out, during which
//! boot of the machine something is unpacked. One of another boot means that the machine went down meanwhile.
//!
//! What goes then can all be made again: images, and file systems of containers, none of which runs. k3s imports its
//! archives again, and kubelet pulls the rest.

use crate::failure::{Context, Failure};
use crate::files;
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tracing::warn;

/// Another one at each boot of the machine (proc(5)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// containerd's data (k3s `pkg/agent/config/config.go`).
const CONTAINERD: &str = "agent/containerd";
/// Which archives k3s has imported; an empty one switches that memory on, too (docs.k3s.io/installation/airgap).
const IMPORTED: &str = "agent/images/.cache.json";

/// Removes what may be half unpacked. Returns whether there was any.
pub fn remove() -> Result<bool, Failure> {
    Places::real().remove(&boot()?).failing(Reason::StateUnusable, || {
        format!("can't remove images that a power cut left half unpacked, in {}/{CONTAINERD}", path::DATA)
    })
}

/// Notes that from now on something may be unpacked that is not on disk.
pub fn begin() -> Result<(), Failure> {
    let note = Places::real().note;
    files::replace_durably(&note, boot()?.as_bytes(), 0o644)
        .failing(Reason::StateUnusable, || format!("can't write {}", note.display()))
}

/// Notes that everything is on disk.
pub fn written() {
    let note = Places::real().note;
    match fs::remove_file(&note) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            // The price is that images are unpacked once more after the next power cut.
            warn!("can't remove {}: {e}", note.display());
        }
        _ => {}
    }
}

fn boot() -> Result<String, Failure> {
    fs::read_to_string(BOOT_ID).failing(Reason::NodePreparation, || format!("can't read {BOOT_ID}"))
}

struct Places {
    note: PathBuf,
    data: PathBuf,
}

impl Places {
    fn real() -> Self {
        Self { note: Path::new(path::STATE).join("unpacking"), data: path::DATA.into() }
    }

    fn remove(&self, boot: &str) -> io::Result<bool> {
        let (there, aside) = (self.data.join(CONTAINERD), self.data.join("agent/containerd.torn"));
        // A removal that was cut off itself.
        files::remove_dir(&aside)?;
        if files::read_if_there(&self.note)?.is_none_or(|noted| noted == boot) {
            return Ok(false);
        }
        let imported = self.data.join(IMPORTED);
        if imported.exists() {
            files::replace_durably(&imported, b"", 0o644)?;
        }
        match fs::rename(&there, &aside) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            renamed => renamed?,
        }
        // On disk before anything of it is missing: half of it would be believed whole, too.
        fs::File::open(self.data.join("agent"))?.sync_all()?;
        warn!("the machine went down while images were unpacked: they are unpacked anew");
        files::remove_dir(&aside)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_note_of_another_boot_makes_images_go() {
        for (note, aside, goes) in [
            (None, false, false),
            (Some("this"), false, false),
            (Some("this"), true, false),
            (Some("another"), false, true),
            (Some("another"), true, true),
            (Some(""), false, true),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let places = Places { note: dir.path().join("unpacking"), data: dir.path().to_owned() };
            for made in ["agent/containerd/blobs", "agent/images", "storage"] {
                fs::create_dir_all(dir.path().join(made)).unwrap();
            }
            fs::write(dir.path().join(IMPORTED), "{}").unwrap();
            if aside {
                fs::create_dir_all(dir.path().join("agent/containerd.torn/blobs")).unwrap();
            }
            if let Some(note) = note {
                fs::write(&places.note, note).unwrap();
            }

            assert_eq!(places.remove("this").unwrap(), goes, "{note:?}");
            assert_eq!(dir.path().join(CONTAINERD).exists(), !goes);
            assert!(!dir.path().join("agent/containerd.torn").exists());
            assert_eq!(fs::read_to_string(dir.path().join(IMPORTED)).unwrap().is_empty(), goes);
            assert!(dir.path().join("storage").exists());
            // Nothing is left to remove, and until the volume is written out that stays so.
            assert!(!places.remove("this").unwrap());
        }
    }
}
