//! Container images that the cluster image brings along, for starts without a registry.

use crate::failure::{Context, Failure};
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use std::fs::{self, File, FileTimes};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Copies the bundled archives to where k3s imports them from (k3s "air-gap" directory). Returns how
/// many were copied; one that is there already with the same size and time is left alone.
pub fn stage() -> Result<usize, Failure> {
    let bundle = Path::new(path::BUNDLE).join("images");
    let target = Path::new(path::DATA).join("agent/images");
    copy_changed(&bundle, &target)
        .failing(Reason::StateUnusable, || format!("can't copy {} to {}", bundle.display(), target.display()))
}

/// Whether the program is there that every sandbox takes from the node and is supervised by.
pub fn supervisor() -> Result<(), Failure> {
    let file = Path::new(path::BUNDLE).join("bin/openshell-sandbox");
    let runs = fs::metadata(&file).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if runs {
        return Ok(());
    }
    Err(Failure::new(
        Reason::ImageIncomplete,
        format!("{} is no program: sandboxes can't start", file.display()),
    ))
}

fn copy_changed(from: &Path, to: &Path) -> io::Result<usize> {
    if !from.exists() {
        return Ok(0);
    }
    fs::create_dir_all(to)?;
    let mut copied = 0;
    for entry in fs::read_dir(from)? {
        let source = entry?.path();
        let Some(name) = source.file_name().filter(|_| source.extension().is_some_and(|e| e == "tar")) else {
            continue;
        };
        let target = to.join(name);
        let wanted = fs::metadata(&source)?;
        let same = fs::metadata(&target)
            .is_ok_and(|m| m.len() == wanted.len() && m.modified().ok() == wanted.modified().ok());
        if same {
            continue;
        }
        // k3s takes files with an archive's extension only, so an unfinished copy is not imported.
        let beside = target.with_extension("new");
        fs::copy(&source, &beside)?;
        File::options()
            .write(true)
            .open(&beside)?
            .set_times(FileTimes::new().set_modified(wanted.modified()?))?;
        fs::rename(&beside, &target)?;
        copied += 1;
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_what_changed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        assert_eq!(copy_changed(&from, &to).unwrap(), 0);
        fs::create_dir(&from).unwrap();
        fs::write(from.join("a.tar"), "1").unwrap();
        fs::write(from.join("README.md"), "no image").unwrap();
        assert_eq!(copy_changed(&from, &to).unwrap(), 1);
        assert_eq!(copy_changed(&from, &to).unwrap(), 0);
        fs::write(from.join("a.tar"), "22").unwrap();
        assert_eq!(copy_changed(&from, &to).unwrap(), 1);
        assert_eq!(fs::read(to.join("a.tar")).unwrap(), b"22");
    }
}
