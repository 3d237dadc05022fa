//! The machine id: one for each gateway, kept in its volume.
//!
//! Every container of an image would have the image's; kubelet reports it, and agents take it for the
//! identity of the machine (`machine-id(5)`).

use crate::failure::{Context, Failure};
use crate::files;
use crate::kept::Kept;
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use openshell_pid1::mountinfo::{self, Mount};
use std::path::Path;

const FILE: &str = "/etc/machine-id";

/// Writes the volume's machine id to where programs look for it.
pub fn keep() -> Result<(), Failure> {
    if is_given(&mountinfo::read().failing(Reason::NodePreparation, || "can't read the mount table")?) {
        return Ok(());
    }
    copy(Path::new(path::STATE), Path::new(FILE))
}

fn copy(state: &Path, file: &Path) -> Result<(), Failure> {
    let kept = Kept::MachineId.path_in(state);
    let there = files::read_if_there(&kept)
        .failing(Reason::StateUnusable, || format!("can't read {}", kept.display()))?;
    let id = if let Some(id) = there.filter(|id| is_valid(id)) {
        id
    } else {
        let id = new_id();
        Kept::MachineId.write_in(state, id.as_bytes())?;
        id
    };
    let put = || match files::read_if_there(file)? {
        Some(there) if there == id => Ok(()),
        _ => files::replace(file, id.as_bytes(), 0o444),
    };
    put().failing(Reason::StateUnusable, || format!("can't keep {} in {}", file.display(), kept.display()))
}

/// Whether whoever started the container mounted a file there: then that one is wanted.
fn is_given(mounts: &[Mount]) -> bool {
    mountinfo::on(mounts, Path::new(FILE)).is_some()
}

/// 32 lowercase hexadecimal digits, not all zero, and a line's end.
fn is_valid(id: &str) -> bool {
    id.strip_suffix('\n').is_some_and(|id| {
        id.len() == 32
            && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            && id.bytes().any(|b| b != b'0')
    })
}

/// A random UUID (RFC 9562, version 4), as `machine-id(5)` recommends.
fn new_id() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    format!("{}\n", crate::hex::hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near_text;
    use proptest::prelude::*;
    use std::fs;

    #[test]
    fn the_volume_decides_and_rubbish_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        let kept = dir.path().join("machine-id");
        fs::write(&first, "of the image").unwrap();
        copy(dir.path(), &first).unwrap();
        copy(dir.path(), &second).unwrap();
        let id = fs::read_to_string(&kept).unwrap();
        assert!(is_valid(&id), "{id}");
        assert_eq!(fs::read_to_string(&first).unwrap(), id);
        assert_eq!(fs::read_to_string(&second).unwrap(), id);

        fs::remove_file(&kept).unwrap();
        fs::write(&kept, "torn").unwrap();
        copy(dir.path(), &first).unwrap();
        assert_ne!(fs::read_to_string(&first).unwrap(), id);
    }

    #[test]
    fn a_mounted_file_is_left_alone() {
        let mounts = |point: &str| mountinfo::parse(format!("1 2 0:1 / {point} ro - ext4 /dev/x rw\n"));
        assert!(is_given(&mounts(FILE)));
        assert!(!is_given(&mounts("/etc")));
    }

    #[test]
    fn ids_are_version_4_and_differ() {
        let (a, b) = (new_id(), new_id());
        assert_ne!(a, b);
        assert!(is_valid(&a) && a.as_bytes()[12] == b'4');
    }

    proptest! {
        #[test]
        fn only_an_id_is_one(text in near_text(&["0123456789abcdef0123456789abcdef\n"])) {
            let digits = text.strip_suffix('\n').unwrap_or_default();
            let is = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            prop_assert!(is || !is_valid(&text), "{text:?}");
        }
    }
}
