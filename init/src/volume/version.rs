//! Which release may use what process 1 keeps in the volume.
//!
//! One number stands for the whole directory, in a file of its own: it is read before any other file is
//! understood and written before any other is changed, so a release that has failed half-way is told too.

use crate::failure::{Context, Failure};
use crate::files;
use crate::kept::Kept;
use openshell_contract::reason::Reason;
use std::path::Path;

/// Version of the directory. It goes up only when an older release would misread what is in it.
const VERSION: u32 = 1;

/// Takes the directory `state` for this release, unless a newer one has used it; then nothing is written.
/// Returns what had to be mended.
pub fn take(state: &Path) -> Result<Option<String>, Failure> {
    let mended = Kept::Version.mend(state)?;
    let file = Kept::Version.path_in(state);
    let text = files::read_if_there(&file)
        .failing(Reason::StateUnusable, || format!("can't read {}", file.display()))?;
    // Releases from before there was a version wrote what version 1 is.
    let found = text.as_deref().map_or(Ok(0), |text| text.trim().parse::<u32>());
    let found = found.failing(Reason::StateUnusable, || format!("{} is not a number", file.display()))?;
    if found > VERSION {
        return Err(Failure::new(
            Reason::NewerState,
            format!("{} says version {found}, and this release knows {VERSION}", file.display()),
        ));
    }
    if found == VERSION {
        Kept::Version.secure(state)?;
    } else {
        Kept::Version.write_in(state, format!("{VERSION}\n").as_bytes())?;
    }
    Ok(mended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near;
    use proptest::prelude::*;
    use std::fs;

    #[test]
    fn a_newer_version_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("version");
        for (there, wanted, after) in [
            (None, None, "1\n"),
            (Some("0"), None, "1\n"),
            (Some("1"), None, "1"),
            (Some("2\n"), Some(Reason::NewerState), "2\n"),
            (Some("x"), Some(Reason::StateUnusable), "x"),
            (Some("99999999999"), Some(Reason::StateUnusable), "99999999999"),
        ] {
            match there {
                Some(text) => fs::write(&file, text).unwrap(),
                None => assert!(!file.exists()),
            }
            // It would be believed.
            let _ = fs::remove_dir_all(dir.path().join("copies"));
            assert_eq!(take(dir.path()).err().map(|failure| failure.reason), wanted, "{there:?}");
            assert_eq!(fs::read_to_string(&file).unwrap(), after);
            assert_eq!(dir.path().join("copies").exists(), wanted.is_none(), "{there:?}");
        }
    }

    #[test]
    fn a_version_that_another_bit_made_newer_is_none() {
        let dir = tempfile::tempdir().unwrap();
        take(dir.path()).unwrap();
        for damaged in ["3\n", "", "x"] {
            fs::write(dir.path().join("version"), damaged).unwrap();
            assert!(take(dir.path()).unwrap().unwrap().contains("version was damaged"));
            assert_eq!(fs::read_to_string(dir.path().join("version")).unwrap(), "1\n");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_file_says_is_this_version_or_left_as_it_is(text in near(&["1\n", "0\n", "2\n", ""])) {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("version");
            fs::write(&file, &text).unwrap();
            let taken = take(dir.path());
            let after = fs::read(&file).unwrap();
            match taken {
                Ok(_) => prop_assert_eq!(String::from_utf8(after).unwrap().trim().parse(), Ok(VERSION)),
                Err(failure) => {
                    prop_assert!([Reason::NewerState, Reason::StateUnusable].contains(&failure.reason));
                    prop_assert_eq!(after, text);
                }
            }
        }
    }
}
