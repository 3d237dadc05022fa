//! Whether containerd can stack images on the volume's file system.

use super::Prepared;
use crate::failure::{Context, Failure};
use crate::files;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use std::fs;
use std::io;
use std::path::Path;

/// Mounts an overlay on the volume. Where the file system refuses (`overlayfs` on itself, some network file
/// systems, `ZFS` before 2.2), containerd copies images instead, which needs more space.
pub fn probe() -> Result<Prepared, Failure> {
    let place = Path::new(path::STATE).join("overlay-probe");
    let refused = try_overlay(&place)
        .failing(Reason::StateUnusable, || format!("can't try an overlay in {}", place.display()))?;
    Ok(match refused {
        None => Prepared { detail: "overlayfs".to_owned(), ..Prepared::default() },
        Some(e) => Prepared {
            detail: "native".to_owned(),
            warnings: vec![format!(
                "the volume's file system can't hold overlays ({e}): images are copied for each container"
            )],
            k3s_args: vec!["--snapshotter=native".to_owned()],
        },
    })
}

/// Tries it below `place`, which is gone afterwards. Returns the kernel's refusal, if it refused.
fn try_overlay(place: &Path) -> io::Result<Option<nix::Error>> {
    // Of a run that was cut off in the middle; its mount ended with it.
    files::remove_dir(place)?;
    let [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map(|name| place.join(name));
    for dir in [&lower, &upper, &work, &merged] {
        fs::create_dir_all(dir)?;
    }
    let options =
        format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let mounted = mount(Some("overlay"), &merged, Some("overlay"), MsFlags::empty(), Some(options.as_str()));
    if mounted.is_ok() {
        umount2(&merged, MntFlags::MNT_DETACH)?;
    }
    files::remove_dir(place)?;
    Ok(mounted.err())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::with_own_mounts;

    const NONE: Option<&str> = None;

    #[test]
    fn a_file_system_that_can_and_one_that_can_not() {
        with_own_mounts(|| {
            let dir = tempfile::tempdir().unwrap();
            // A plain tmpfs can; what the machine's own temporary directory is made of doesn't matter.
            mount(NONE, dir.path(), Some("tmpfs"), MsFlags::empty(), NONE).unwrap();
            let place = dir.path().join("probe");
            assert_eq!(try_overlay(&place).unwrap(), None);
            assert!(!place.exists());

            // An overlay is refused as another one's upper directory.
            let [lower, upper, work, stacked] = ["l", "u", "w", "m"].map(|name| dir.path().join(name));
            for part in [&lower, &upper, &work, &stacked] {
                fs::create_dir(part).unwrap();
            }
            let options = format!(
                "lowerdir={},upperdir={},workdir={}",
                lower.display(),
                upper.display(),
                work.display()
            );
            mount(Some("overlay"), &stacked, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
                .unwrap();
            assert!(try_overlay(&stacked.join("probe")).unwrap().is_some());
            umount2(&stacked, MntFlags::MNT_DETACH).unwrap();
            umount2(dir.path(), MntFlags::MNT_DETACH).unwrap();
        });
    }
}
