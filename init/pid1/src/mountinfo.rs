//! The mount table (`proc_pid_mountinfo(5)`).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is.
    pub point: PathBuf,
    /// Whether it is read-only by its own options.
    pub read_only: bool,
    /// Whether it is a member of a peer group, so that mounts below it propagate.
    pub shared: bool,
}

/// The mounts of this thread's namespace, in the order in which they were mounted. A later one on the same
/// point covers an earlier one.
///
/// # Errors
/// There is no `/proc`.
pub fn read() -> io::Result<Vec<Mount>> {
    fs::read("/proc/thread-self/mountinfo").map(parse)
}

/// The mounts in `table`. A line that is none is left out: the kernel writes no such line.
pub fn parse(table: impl AsRef<[u8]>) -> Vec<Mount> {
    table.as_ref().split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// The last mount on `point`: the one that is seen.
#[must_use]
pub fn on<'a>(mounts: &'a [Mount], point: &Path) -> Option<&'a Mount> {
    mounts.iter().rfind(|mount| mount.point == point)
}

/// Fields 5 and 6 are mount point and options; optional fields follow up to a hyphen.
fn line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ').skip(4);
    let (point, options) = (fields.next()?, fields.next()?);
    Some(Mount {
        point: OsString::from_vec(unescape(point)).into(),
        read_only: options.split(|byte| *byte == b',').any(|option| option == b"ro"),
        shared: fields.take_while(|field| *field != b"-").any(|field| field.starts_with(b"shared:")),
    })
}

/// Space, tab, line's end and backslash are written as a backslash and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, after)) = rest.split_first() {
        let octal = || {
            let digits = std::str::from_utf8(after.get(..3)?).ok()?;
            u8::from_str_radix(digits, 8).ok()
        };
        if let Some(code) = (*byte == b'\\').then(octal).flatten() {
            text.push(code);
            rest = &after[3..];
        } else {
            text.push(*byte);
            rest = after;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: &str = "22 1 0:20 / / rw,relatime shared:1 master:3 - overlay overlay rw\n\
                         23 22 0:5 / /sys ro,nosuid - sysfs sysfs rw\n\
                         24 22 0:9 / /my\\040run rw - tmpfs tmpfs ro\n\
                         25 23 0:5 / /sys rw,nosuid master:1 - sysfs sysfs rw\n";

    #[test]
    fn point_options_and_propagation() {
        let mount = |point: &str, read_only, shared| Mount { point: point.into(), read_only, shared };
        assert_eq!(
            parse(TABLE),
            [
                mount("/", false, true),
                mount("/sys", true, false),
                mount("/my run", false, false),
                mount("/sys", false, false)
            ]
        );
    }

    #[test]
    fn the_last_mount_on_a_point_is_seen() {
        let mounts = parse(TABLE);
        assert!(!on(&mounts, Path::new("/sys")).unwrap().read_only);
        assert_eq!(on(&mounts, Path::new("/sys/fs")), None);
    }

    #[test]
    fn the_kernels_own_table_is_understood() {
        let mounts = read().unwrap();
        assert!(on(&mounts, Path::new("/")).is_some() && on(&mounts, Path::new("/proc")).is_some());
    }

    proptest! {
        #[test]
        fn no_table_panics(table in proptest::collection::vec(any::<u8>(), 0..200)) {
            let lines = table.split(|byte| *byte == b'\n').count();
            prop_assert!(parse(table).len() <= lines);
        }

        #[test]
        fn any_name_comes_back(name in "[ -~\t]{1,20}") {
            let escaped: String = name
                .bytes()
                .map(|b| if b" \t\n\\".contains(&b) { format!("\\{b:03o}") } else { char::from(b).to_string() })
                .collect();
            prop_assert_eq!(unescape(escaped.as_bytes()), name.into_bytes());
        }
    }
}
