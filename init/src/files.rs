//! Files that are whole or not there, whenever the power goes.

use std::fs::{self, DirBuilder, DirEntry, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Replaces `path` by a file with `content` and `mode`: written beside it, then renamed over it.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    write_and_rename(path, content, mode, false)
}

/// As [`replace`], and on disk when it returns.
pub fn replace_durably(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    write_and_rename(path, content, mode, true)
}

fn write_and_rename(path: &Path, content: &[u8], mode: u32, durable: bool) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
    // An older file keeps its mode when it is opened; the mode may be narrower now.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(content)?;
    if durable {
        file.sync_all()?;
    }
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(parent) if durable => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Makes `path` and its parents, `path` itself with `mode`.
pub fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// The entries of a directory that may be missing.
pub fn entries(dir: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.collect(),
    }
}

/// Removes a directory that may be missing, with all that is in it.
pub fn remove_dir(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Reads a file that may be missing.
pub fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_narrows_the_mode_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        replace(&path, b"1", 0o644).unwrap();
        replace_durably(&path, b"2", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(read_if_there(&dir.path().join("none")).unwrap(), None);
    }
}
