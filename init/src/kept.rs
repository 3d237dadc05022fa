//! Files of the volume that nobody can make again, each with a copy: a file that was cut off, overwritten,
//! deleted, or has another bit than it had is what it was again at the next start.
//!
//! A copy begins with the SHA-256 of what follows, by which it is known to be whole. It is written before the
//! file is, and to the disk, so that it is never the older one of the two; a file that differs from a whole
//! copy is therefore damaged, or was edited by somebody who is not process 1.

use crate::failure::{Context, Failure};
use crate::files;
use crate::hex::hex;
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Directory of the copies.
const COPIES: &str = "copies";
/// Length of a digest in hexadecimal.
const DIGEST: usize = 64;

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Which releases may use the directory.
    Version,
    /// What was asked for.
    Config,
    /// What is remembered of the last run, the node's names among it.
    LastRun,
    /// The machine's identity.
    MachineId,
    /// The password by which the cluster knows the node.
    Password,
}

impl Kept {
    /// Those that may be read only when it is known that no newer release has used the directory.
    pub const BEHIND_VERSION: [Self; 4] = [Self::Config, Self::LastRun, Self::MachineId, Self::Password];

    /// Its place below the directory.
    const fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Config => "config.json",
            Self::LastRun => "last-run.json",
            Self::MachineId => "machine-id",
            Self::Password => "node/password",
        }
    }

    /// Its mode. A registry's password may be in the settings.
    const fn mode(self) -> u32 {
        match self {
            Self::Version | Self::LastRun => 0o644,
            Self::Config | Self::Password => 0o600,
            Self::MachineId => 0o444,
        }
    }

    /// Where it is.
    pub fn path(self) -> PathBuf {
        self.path_in(Path::new(path::STATE))
    }

    /// Where it is below `state`.
    pub fn path_in(self, state: &Path) -> PathBuf {
        state.join(self.name())
    }

    /// Where its copy is below `state`.
    pub fn copy_in(self, state: &Path) -> PathBuf {
        state.join(COPIES).join(self.name().replace('/', "-"))
    }

    /// Replaces it, and its copy before.
    pub fn write(self, content: &[u8]) -> Result<(), Failure> {
        self.write_in(Path::new(path::STATE), content)
    }

    /// The same, below `state`.
    pub fn write_in(self, state: &Path, content: &[u8]) -> Result<(), Failure> {
        let (file, copy) = (self.path_in(state), self.copy_in(state));
        let write = || {
            files::make_dir(&state.join(COPIES), 0o700)?;
            files::replace_durably(&copy, &sealed(content), 0o600)?;
            // From here on the next start finds it, whatever becomes of this one.
            files::replace(&file, content, self.mode())
        };
        write().failing(Reason::StateUnusable, || format!("can't write {}", file.display()))
    }

    /// Makes it what it was if it is not, by its copy. Returns what was done.
    pub fn mend(self, state: &Path) -> Result<Option<String>, Failure> {
        let file = self.path_in(state);
        let (there, copy) = (read(&file)?, read(&self.copy_in(state))?);
        let Verdict::Restore(content) =
            judge(there.as_deref().map(Vec::as_slice), copy.as_deref().map(Vec::as_slice))
        else {
            return Ok(None);
        };
        self.write_in(state, content)?;
        let what = if there.is_some() { "was damaged or edited" } else { "was gone" };
        Ok(Some(format!("{} {what}, and is restored from its copy", file.display())))
    }

    /// Makes the copy of a file that has no whole one.
    pub fn secure(self, state: &Path) -> Result<(), Failure> {
        let (there, copy) = (read(&self.path_in(state))?, read(&self.copy_in(state))?);
        match judge(there.as_deref().map(Vec::as_slice), copy.as_deref().map(Vec::as_slice)) {
            Verdict::CopyAnew(content) => self.write_in(state, content),
            Verdict::Well | Verdict::Restore(_) => Ok(()),
        }
    }
}

fn read(file: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failure::caused(Reason::StateUnusable, format!("can't read {}", file.display()), &e)),
    }
}

/// What is to be done about a file and its copy.
#[derive(Debug, PartialEq, Eq)]
enum Verdict<'a> {
    /// They are the same, or there is neither.
    Well,
    /// The file shall be this.
    Restore(&'a [u8]),
    /// The file has no whole copy, and is this.
    CopyAnew(&'a [u8]),
}

fn judge<'a>(file: Option<&'a [u8]>, copy: Option<&'a [u8]>) -> Verdict<'a> {
    match (file, copy.and_then(unsealed)) {
        (Some(file), Some(copy)) if file == copy => Verdict::Well,
        (_, Some(copy)) => Verdict::Restore(copy),
        (Some(file), None) => Verdict::CopyAnew(file),
        (None, None) => Verdict::Well,
    }
}

/// A copy of `content`.
fn sealed(content: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut copy = Zeroizing::new(Vec::with_capacity(DIGEST + 1 + content.len()));
    copy.extend_from_slice(hex(&Sha256::digest(content)).as_bytes());
    copy.push(b'\n');
    copy.extend_from_slice(content);
    copy
}

/// What a copy is of, if it is whole.
fn unsealed(copy: &[u8]) -> Option<&[u8]> {
    let (digest, content) = copy.split_at_checked(DIGEST)?;
    let content = content.strip_prefix(b"\n")?;
    (hex(&Sha256::digest(content)).as_bytes() == digest).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn who_is_believed() {
        let copy = sealed(b"good");
        let (copy, none) = (Some(&**copy), None::<&[u8]>);
        assert_eq!(judge(Some(b"good"), copy), Verdict::Well);
        assert_eq!(judge(Some(b"goof"), copy), Verdict::Restore(b"good"));
        assert_eq!(judge(Some(b""), copy), Verdict::Restore(b"good"));
        assert_eq!(judge(none, copy), Verdict::Restore(b"good"));
        assert_eq!(judge(Some(b"good"), none), Verdict::CopyAnew(b"good"));
        assert_eq!(judge(Some(b"good"), Some(b"good")), Verdict::CopyAnew(b"good"));
        assert_eq!(judge(none, none), Verdict::Well);
        assert_eq!(judge(none, Some(b"good")), Verdict::Well);
    }

    #[test]
    fn a_write_that_was_cut_off_is_finished_and_not_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        Kept::Config.write_in(dir.path(), b"old").unwrap();
        let file = Kept::Config.path_in(dir.path());
        // Killed after the copy and before the file.
        files::replace_durably(&Kept::Config.copy_in(dir.path()), &sealed(b"new"), 0o600).unwrap();
        assert!(Kept::Config.mend(dir.path()).unwrap().unwrap().contains("config.json was damaged"));
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(Kept::Config.mend(dir.path()).unwrap(), None);
    }

    #[test]
    fn a_directory_from_before_there_were_copies_gets_them() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("node")).unwrap();
        for kept in Kept::BEHIND_VERSION {
            fs::write(kept.path_in(dir.path()), kept.name()).unwrap();
            assert_eq!(kept.mend(dir.path()).unwrap(), None);
            kept.secure(dir.path()).unwrap();
            fs::remove_file(kept.path_in(dir.path())).unwrap();
            assert!(kept.mend(dir.path()).unwrap().unwrap().contains("was gone"));
            assert_eq!(fs::read_to_string(kept.path_in(dir.path())).unwrap(), kept.name());
        }
    }

    proptest! {
        #[test]
        fn any_damage_of_one_of_the_two_is_mended(
            content in proptest::collection::vec(any::<u8>(), 0..80),
            of_copy: bool,
            cut: bool,
            place: prop::sample::Index,
            bit in 0..8_u8,
        ) {
            let dir = tempfile::tempdir().unwrap();
            Kept::LastRun.write_in(dir.path(), &content).unwrap();
            let file = Kept::LastRun.path_in(dir.path());
            let victim = if of_copy { Kept::LastRun.copy_in(dir.path()) } else { file.clone() };
            let mut bytes = fs::read(&victim).unwrap();
            if !bytes.is_empty() {
                let at = place.index(bytes.len());
                if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
            }
            fs::write(&victim, bytes).unwrap();
            Kept::LastRun.mend(dir.path()).unwrap();
            Kept::LastRun.secure(dir.path()).unwrap();
            prop_assert_eq!(&fs::read(&file).unwrap(), &content);
            prop_assert_eq!(&fs::read(Kept::LastRun.copy_in(dir.path())).unwrap(), &*sealed(&content));
        }
    }
}
