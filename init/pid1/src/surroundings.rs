//! What process 1 was started with, and must not keep or hand down.

use std::fs::{self, File};
use std::io;

/// The PID namespace that the kernel starts with has this inode (`PROC_PID_INIT_INO`, Linux
/// `include/linux/proc_ns.h`).
const INITIAL_NAMESPACE: &str = "pid:[4026531836]";
/// `O_CLOEXEC` as `/proc/PID/fdinfo` shows it, in octal (`proc_pid_fdinfo(5)`, `open(2)`).
const CLOSE_ON_EXEC: u32 = 0o2_000_000;

/// Lets go of it: the working directory, which could keep a file system busy; standard input, which
/// nobody reads here, and children inherit (`/dev/null` takes its place); and every descriptor that
/// children would inherit. To be called right after [`crate::start`], before anything is opened.
///
/// Descriptors that this program opens itself are close-on-exec from the start, as `std` makes them.
///
/// # Errors
/// The system refuses one of it; each is tried.
pub fn detach() -> io::Result<()> {
    let directory = std::env::set_current_dir("/");
    let input = File::open("/dev/null").and_then(|null| Ok(nix::unistd::dup2_stdin(null)?));
    directory.and(input).and(close_inherited())
}

fn close_inherited() -> io::Result<()> {
    // Gathered first: the listing has a descriptor of its own.
    let open: Vec<i32> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        // The listing's own is closed by now.
        let Ok(info) = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")) else { continue };
        if is_inherited(&info) {
            nix::unistd::close(fd)?;
        }
    }
    Ok(())
}

fn is_inherited(fdinfo: &str) -> bool {
    let flags = fdinfo.lines().find_map(|line| line.strip_prefix("flags:"));
    flags
        .and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok())
        .is_some_and(|flags| flags & CLOSE_ON_EXEC == 0)
}

/// Whether every process that this one can signal is its own to end: it is process 1, and not that of
/// the machine.
#[must_use]
pub fn owns_namespace() -> bool {
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    is_own(std::process::id(), &namespace.to_string_lossy())
}

fn is_own(pid: u32, namespace: &str) -> bool {
    // Without `/proc` the namespace is unknown, and nothing is signalled.
    pid == 1 && namespace.starts_with("pid:[") && namespace != INITIAL_NAMESPACE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_process_1_of_a_namespace_of_its_own_may_signal_all() {
        assert!(is_own(1, "pid:[4026532201]"));
        assert!(!is_own(1, INITIAL_NAMESPACE));
        assert!(!is_own(7, "pid:[4026532201]"));
        assert!(!is_own(1, ""));
    }

    #[test]
    fn descriptors_that_children_would_inherit() {
        assert!(is_inherited("pos:\t0\nflags:\t0100000\nmnt_id:\t30\n"));
        assert!(!is_inherited("pos:\t0\nflags:\t02100000\nmnt_id:\t30\n"));
        assert!(!is_inherited(""));
    }
}
