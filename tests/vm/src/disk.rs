//! The machine's disk, in layers: the root file system with the images, and a story's differences.

use crate::accelerator::Accelerator;
use crate::agent::Agent;
use crate::error::{Attempt, Error, Result};
use crate::machine::Hardware;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Longest time for unpacking the images.
const LOADING: Duration = Duration::from_mins(40);

/// A disk.
#[derive(Clone)]
pub struct Disk {
    /// The file that is written to.
    pub file: PathBuf,
    /// A raw image, from which the file only has the differences, in a format of the accelerator's.
    pub base: Option<PathBuf>,
}

impl Disk {
    /// A disk like `base`, until something is written to it.
    pub fn on(base: &Path, accelerator: Accelerator, file: PathBuf) -> Result<Self> {
        forget(&file)?;
        // User-mode Linux makes the file itself.
        if accelerator != Accelerator::UserMode {
            let mut qemu_img = Command::new("qemu-img");
            qemu_img.args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"]).args([base, &file]);
            must(&mut qemu_img)?;
        }
        Ok(Self { file, base: Some(base.to_owned()) })
    }

    /// Gives the space back.
    pub fn remove(self) -> Result<()> {
        forget(&self.file)
    }
}

/// The disk with our images and the host command, made unless it was made from these already. `files` has
/// what `tests/vm/build` prepared.
pub fn loaded(files: &Path, accelerator: Accelerator) -> Result<PathBuf> {
    let (disk, stamp) = (files.join("loaded.img"), files.join("loaded.stamp"));
    let wanted =
        std::fs::read_to_string(files.join("payload.stamp")).attempting(|| "can't read payload.stamp")?;
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && disk.exists() {
        return Ok(disk);
    }
    forget(&stamp)?;
    must(Command::new("cp").arg("--sparse=always").args([&files.join("root.img"), &disk]))?;
    let hardware = Hardware {
        files: files.to_owned(),
        disk: Disk { file: disk.clone(), base: None },
        drives: vec![files.join("image.tar"), files.join("bin.tar")],
        accelerator,
    };
    let mut machine = hardware.switch_on()?;
    load(machine.agent())?;
    machine.power_off()?;
    std::fs::write(&stamp, wanted).attempting(|| "can't write loaded.stamp")?;
    Ok(disk)
}

fn load(agent: &mut Agent) -> Result<()> {
    let script = "set -e; tar -C /usr/local/bin -xf /dev/vdc; docker load -i /dev/vdb; openshell --version";
    match agent.run(script, LOADING)? {
        (_, 0) => Ok(()),
        (output, code) => Err(Error::Script { script: script.to_owned(), output, code }),
    }
}

/// Removes a file that may be there.
fn forget(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).attempting(|| format!("can't remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

fn must(command: &mut Command) -> Result<()> {
    let status =
        command.status().attempting(|| format!("can't start {}", command.get_program().display()))?;
    if status.success() { Ok(()) } else { Err(Error::Wrong(format!("{status}: {command:?}"))) }
}
