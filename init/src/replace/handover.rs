//! What one process 1 leaves to the next: which process k3s is, its output, and how it is started again.
//!
//! It is a file in the runtime directory, gone as soon as it is read: a container that starts finds none.

use crate::files;
use crate::k3s::command_line::CommandLine;
use crate::k3s::run::Adopted;
use crate::k3s::supervise::Running;
use nix::unistd::Pid;
use openshell_contract::names::path;
use openshell_pid1::{Broker, proc};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

/// The argument of `boot` that says that there is one.
pub const ARGUMENT: &str = "--take-over";

/// The file's content.
#[derive(Serialize, Deserialize)]
struct Handover {
    pid: i32,
    began: u64,
    /// Where its standard output and standard error are read, in this process.
    output: [RawFd; 2],
    command: CommandLine,
    children_oom_score: Option<i32>,
}

/// k3s, as the process 1 before has left it.
pub struct Inherited {
    /// It runs; or it has ended in the very moment.
    pub k3s: Option<Adopted>,
    /// How it was started.
    pub command: CommandLine,
}

/// Leaves it. Returns the descriptors that have to stay open.
pub fn leave(running: &Running, broker: &Broker) -> io::Result<Vec<OwnedFd>> {
    let pid = running.child.pid();
    let [stdout, stderr] = &running.output;
    let inherited = [OwnedFd::from(stdout.try_clone()?), OwnedFd::from(stderr.try_clone()?)];
    let handover = Handover {
        pid: pid.as_raw(),
        began: proc::began(pid).ok_or(io::ErrorKind::NotFound)?,
        output: inherited.each_ref().map(AsRawFd::as_raw_fd),
        command: CommandLine::clone(&running.command),
        children_oom_score: broker.children_oom_score(),
    };
    files::replace(&file(), &serde_json::to_vec(&handover)?, 0o600)?;
    Ok(inherited.into())
}

/// Takes it. To be called before what was inherited is closed.
pub fn take(broker: &Broker) -> io::Result<Inherited> {
    let handover: Handover = serde_json::from_slice(&fs::read(file())?)?;
    fs::remove_file(file())?;
    if let Some(score) = handover.children_oom_score {
        broker.set_children_oom_score(score);
    }
    let [stdout, stderr] = handover.output.map(opened);
    let k3s = Adopted::new(broker, Pid::from_raw(handover.pid), handover.began, [stdout?, stderr?]);
    Ok(Inherited { k3s, command: handover.command })
}

/// The same pipe by a descriptor of our own, which children don't inherit (`proc_pid_fd(5)`).
fn opened(descriptor: RawFd) -> io::Result<File> {
    File::open(format!("/proc/self/fd/{descriptor}"))
}

fn file() -> PathBuf {
    Path::new(path::RUN).join("handover.json")
}
