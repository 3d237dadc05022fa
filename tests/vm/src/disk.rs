//! The machine's disk, in layers: the root file system, the images on top of it, a scenario on top of
//! both.

use crate::agent::Agent;
use crate::error::{Attempt, Error, Result};
use crate::qemu::Hardware;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Longest time for unpacking the images.
const LOADING: Duration = Duration::from_mins(40);

/// Makes `disk`, empty but for what `base` has.
pub fn overlay(base: &Path, format: &str, disk: &Path) -> Result<()> {
    let made = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", format, "-b"])
        .args([base, disk])
        .status()
        .attempting(|| "can't start qemu-img")?;
    if made.success() { Ok(()) } else { Err(Error::Wrong(format!("qemu-img can't make {}", disk.display()))) }
}

/// Makes the disk with our images and the host command, unless it was made from these already.
/// `payload` is what `tests/vm/build` prepared.
pub fn loaded(files: &Path, accelerator: &'static str) -> Result<PathBuf> {
    let (disk, stamp) = (files.join("loaded.qcow2"), files.join("loaded.stamp"));
    let wanted =
        std::fs::read_to_string(files.join("payload.stamp")).attempting(|| "can't read payload.stamp")?;
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && disk.exists() {
        return Ok(disk);
    }
    // Not there at the first time.
    let _ = std::fs::remove_file(&stamp);
    overlay(&files.join("root.img"), "raw", &disk)?;
    let hardware = Hardware {
        files: files.to_owned(),
        disk: disk.clone(),
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
