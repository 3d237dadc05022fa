//! The mount table (`proc_pid_mountinfo(5)`).

use std::fs;
use std::io;
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

/// The mounts of this thread's namespace. A later one on the same point covers an earlier one.
pub fn read() -> io::Result<Vec<Mount>> {
    fs::read_to_string("/proc/thread-self/mountinfo").map(|table| parse(&table))
}

/// The mounts in `table`. A line that is none is left out: the kernel writes no such line.
pub fn parse(table: &str) -> Vec<Mount> {
    table.lines().filter_map(line).collect()
}

/// The last mount on `point`: the one that is seen.
pub fn on<'a>(mounts: &'a [Mount], point: &Path) -> Option<&'a Mount> {
    mounts.iter().rfind(|mount| mount.point == point)
}

/// Fields 5 and 6 are mount point and options; optional fields follow up to a hyphen.
fn line(line: &str) -> Option<Mount> {
    let mut fields = line.split(' ').skip(4);
    let (point, options) = (fields.next()?, fields.next()?);
    Some(Mount {
        point: PathBuf::from(unescape(point)),
        read_only: options.split(',').any(|option| option == "ro"),
        shared: fields.take_while(|field| *field != "-").any(|field| field.starts_with("shared:")),
    })
}

/// Space, tab, line's end and backslash are written as a backslash and three octal digits.
fn unescape(text: &str) -> String {
    [(r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", r"\")]
        .iter()
        .fold(text.to_owned(), |text, (written, meant)| text.replace(written, meant))
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
        fn no_table_panics(table in "[ -~\n]{0,200}") {
            let mounts = parse(&table);
            prop_assert!(mounts.len() <= table.lines().count());
        }
    }
}

/// Runs tests in mounts that nobody else sees.
#[cfg(test)]
pub mod sandbox {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};

    /// Runs `work` on a thread with a mount namespace of its own (`unshare(2)`), and nothing without root.
    pub fn with_own_mounts(work: impl FnOnce() + Send + 'static) {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let thread = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNS).unwrap();
            let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
            mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
            work();
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}
