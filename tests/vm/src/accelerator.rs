//! What can run the machine's code here.

use crate::error::{Attempt, Result};
use crate::{qemu, uml};
use std::fmt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Enough for a kernel on hardware; a guest that hangs in early boot takes all of it.
const LIMIT: Duration = Duration::from_secs(20);
/// How often this side looks for what it can't wait for.
const POLL: Duration = Duration::from_millis(50);

/// What runs the machine's code, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// QEMU, by the processor's virtualisation.
    Kvm,
    /// User-mode Linux, in processes of the host.
    UserMode,
    /// QEMU, in software, many times slower.
    Emulation,
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "KVM",
            Self::UserMode => "user-mode Linux",
            Self::Emulation => "software emulation",
        })
    }
}

/// The first with which a program of the machine's runs. That `/dev/kvm` can be opened is not enough:
/// nested virtualisation may lack what a kernel needs.
pub fn probe(files: &Path) -> Result<Accelerator> {
    if kvm_works(files)? {
        Ok(Accelerator::Kvm)
    } else if user_mode_works(files)? {
        Ok(Accelerator::UserMode)
    } else {
        Ok(Accelerator::Emulation)
    }
}

/// Whether a kernel gets as far as its first process with it.
pub fn kvm_works(files: &Path) -> Result<bool> {
    if std::fs::File::options().read(true).write(true).open("/dev/kvm").is_err() {
        return Ok(false);
    }
    // The first process ends at once, which the kernel answers with a panic, and QEMU by ending.
    let mut qemu = qemu::bare(files, Accelerator::Kvm);
    qemu.args(["-no-reboot", "-m", "512", "-append", "rdinit=/bin/true panic=-1"]);
    let mut process = start(qemu.stdout(Stdio::null()))?;
    ended(&mut process)
}

fn user_mode_works(files: &Path) -> Result<bool> {
    if !uml::kernel(files).exists() {
        return Ok(false);
    }
    uml::allow_mappings()?;
    uml::stay_on_one_processor()?;
    // The panic says how the first process ended.
    let mut linux = uml::bare(files);
    linux.args(["ro", "mem=256M", "init=/bin/true"]);
    linux.arg(format!("ubd0r={}", files.join("root.img").display()));
    let (mut said, log) = std::io::pipe().attempting(|| "can't make a pipe")?;
    let mut process = start(linux.stdout(log))?;
    // The other end is the process's alone.
    drop(linux);
    let reader = std::thread::spawn(move || {
        let mut console = Vec::new();
        std::io::copy(&mut said, &mut console).map(|_| console)
    });
    ended(&mut process)?;
    let console = reader.join().unwrap_or_else(|_| Ok(Vec::new())).attempting(|| "can't read the console")?;
    Ok(String::from_utf8_lossy(&console).contains("exitcode=0x00000000"))
}

fn start(command: &mut Command) -> Result<Child> {
    let name = command.get_program().to_owned();
    command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .attempting(|| format!("can't start {}", name.display()))
}

/// Whether it ended well, and in time.
fn ended(process: &mut Child) -> Result<bool> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(end) = process.try_wait().attempting(|| "can't wait for the machine")? {
            return Ok(end.success());
        }
        if Instant::now() > deadline {
            process.kill().and_then(|()| process.wait()).attempting(|| "can't kill the machine")?;
            return Ok(false);
        }
        std::thread::sleep(POLL);
    }
}
