//! User-mode Linux: a kernel that is a process of the host. Its programs run at the processor's own
//! speed, without virtualisation; system calls and page faults take tens of microseconds.

use crate::error::{Attempt, Result};
use crate::machine::Hardware;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The console is standard output, the agent's port standard input. Nobody logs in at the others.
/// `seccomp` traps a system call at less cost than `ptrace` does. One processor: the threads of a program
/// are never in its code at the same time, and with two processors they would spin while they wait.
const KERNEL: [&str; 9] = [
    "root=/dev/ubda",
    "quiet",
    "con=null",
    "con0=null,fd:1",
    "ssl=null",
    "seccomp=auto",
    "ncpus=1",
    "systemd.getty_auto=0",
    "systemd.mask=getty@tty1.service",
];
/// Bytes of memory.
const MEMORY: u64 = 4 << 30;
/// Each page of a program can become a mapping of the host's.
const MAPPINGS: u64 = 1 << 20;
/// How many of them a process may have (man 5 `proc_sys_vm`).
const MAPPINGS_LIMIT: &str = "/proc/sys/vm/max_map_count";

/// The machine's process.
pub fn command(hardware: &Hardware) -> Result<Command> {
    let mut linux = bare(&hardware.files);
    linux.args(["rw", "ssl0=fd:0,fd:0"]).arg(format!("mem={MEMORY}"));
    linux.env("TMPDIR", memory_directory(&hardware.files)?);
    // Its kernel makes the file of differences. A write is in the host's page cache when the machine's
    // page cache has let go of it, whatever becomes of the process: as a disk whose cache has a battery.
    let base = hardware.disk.base.iter().map(|base| format!(",{}", base.display()));
    linux.arg(format!("ubd0={}{}", hardware.disk.file.display(), base.collect::<String>()));
    for (index, drive) in hardware.drives.iter().enumerate() {
        linux.arg(format!("ubd{}r={}", index + 1, drive.display()));
    }
    Ok(linux)
}

/// Processors, kernel and console; no memory size and no devices.
pub fn bare(files: &Path) -> Command {
    // A session of its own, and with it a process group. It ends with this process, however that ends.
    let mut linux = Command::new("setsid");
    linux.args(["setpriv", "--pdeathsig", "KILL"]).arg(kernel(files)).args(KERNEL);
    // Its process id goes there, in place of the home directory.
    linux.arg(format!("uml_dir={}/", files.join("uml").display())).arg("umid=machine");
    linux
}

/// The kernel, an ordinary program.
pub fn kernel(files: &Path) -> PathBuf {
    files.join("linux")
}

/// Keeps this process, and with it the machine, on one of the host's processors: a program and the kernel
/// take turns, and to wake the other one up on another processor takes longer than most system calls.
pub fn stay_on_one_processor() -> Result<()> {
    let allowed = sched_getaffinity(None).map_err(Into::into).attempting(|| "can't read the affinity")?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu)).unwrap_or(0);
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one).map_err(Into::into).attempting(|| "can't stay on one processor")
}

/// Raises the host's limit where a large program in the machine would be killed for it.
pub fn allow_mappings() -> Result<()> {
    let now =
        std::fs::read_to_string(MAPPINGS_LIMIT).attempting(|| format!("can't read {MAPPINGS_LIMIT}"))?;
    if now.trim().parse().is_ok_and(|now: u64| now >= MAPPINGS) {
        return Ok(());
    }
    std::fs::write(MAPPINGS_LIMIT, MAPPINGS.to_string())
        .attempting(|| format!("can't set {MAPPINGS_LIMIT} to {MAPPINGS}"))
}

/// Where the file is that the machine has for its memory: what is not on a tmpfs is written to a disk,
/// and a container's tmpfs may be too small.
fn memory_directory(files: &Path) -> Result<&Path> {
    let shared = Path::new("/dev/shm");
    match rustix::fs::statvfs(shared) {
        Ok(room) if room.f_bavail * room.f_frsize >= MEMORY => Ok(shared),
        Ok(_) | Err(rustix::io::Errno::NOENT) => Ok(files),
        Err(e) => Err(e.into()).attempting(|| "can't look at /dev/shm"),
    }
}
