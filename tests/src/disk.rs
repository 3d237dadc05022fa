//! A disk of a gateway's volume, in a file: one that can be full without the machine's being so.

use crate::{Gateway, Output, docker, run};
use openshell_contract::names::host;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Its size in bytes. Where nothing is written, it takes no space.
const BYTES: u64 = 6 << 30;
/// What fills it, besides the gateway: all that is free, and then what comes free meanwhile.
const FILLS: [&str; 2] = ["fill-much", "fill-rest"];

/// An ext4 file system on a loop device. Dropping it gives the device back.
pub struct Disk {
    image: PathBuf,
    device: PathBuf,
}

impl Disk {
    /// A disk for the test of this name, where there are loop devices and somebody who may use them.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() || !Path::new("/dev/loop-control").exists() {
            return None;
        }
        let image = Path::new("/var/tmp").join(format!("openshell-{name}.ext4"));
        // Of a run that was killed.
        detach(&image);
        fs::File::create(&image).and_then(|file| file.set_len(BYTES)).ok()?;
        let file = image.display().to_string();
        let made = system(&["mkfs.ext4", "-q", "-m", "0", &file]);
        let attached = system(&["losetup", "--find", "--show", &file]);
        let device = PathBuf::from(attached.stdout.trim());
        (made.code == 0 && attached.code == 0).then_some(Self { image, device })
    }

    /// Makes the gateway's volume on it, before there is another one.
    ///
    /// # Panics
    /// Docker can't.
    pub fn volume(&self, gateway: &Gateway) {
        let label = |name: &str, value: &str| format!("--label={name}={value}");
        let device = format!("--opt=device={}", self.device.display());
        let ours = label(host::MANAGED_BY_LABEL, host::MANAGED_BY);
        let name = label(host::GATEWAY_LABEL, &gateway.name);
        let options = ["--opt=type=ext4", "--opt=o=errors=remount-ro", &device, &ours, &name];
        let _ = docker(&[&["volume", "create"], &options[..], &[&gateway.object()]].concat()).ok();
    }

    /// Its block device.
    #[must_use]
    pub fn device(&self) -> &Path {
        &self.device
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        detach(&self.image);
        // A next run makes its own.
        let _ = fs::remove_file(&self.image);
    }
}

/// Where the machine has the gateway's volume, while that is mounted.
#[must_use]
pub fn mounted(gateway: &Gateway) -> Option<PathBuf> {
    let found = docker(&["volume", "inspect", "--format", "{{.Mountpoint}}", &gateway.object()]);
    let place = PathBuf::from(found.stdout.trim());
    place.join("openshell").exists().then_some(place)
}

/// Fills the file system that a volume is on.
pub fn fill(volume: &Path) {
    fill_but(volume, 1 << 20);
    let _ = shell(volume, "cat /dev/zero >\"$2\"");
}

/// Fills it, but for so many bytes.
pub fn fill_but(volume: &Path, bytes: u64) {
    let free = "df --output=avail --block-size=1 . | tail -n 1";
    let _ = shell(volume, &format!("fallocate --length $(($({free}) - {bytes})) \"$1\""));
}

fn shell(volume: &Path, script: &str) -> Output {
    let mut shell = Command::new("sh");
    run(shell.args(["-c", script, "sh"]).args(FILLS).current_dir(volume.join("openshell")), "")
}

/// Frees what these took.
///
/// # Panics
/// It can't.
pub fn free(gateway: &Gateway) {
    for part in FILLS {
        remove(gateway, part);
    }
}

/// Removes a file beside those of process 1, as soon as it can be.
///
/// # Panics
/// It can't.
pub fn remove(gateway: &Gateway, name: &str) {
    gateway.wait(&format!("{name} is removed"), || {
        let Some(volume) = mounted(gateway) else { return false };
        let file = volume.join("openshell").join(name);
        // It may be gone already.
        let _ = fs::remove_file(&file);
        !file.exists()
    });
}

/// Gives back the devices of the disk in this file.
fn detach(image: &Path) {
    let image = image.display().to_string();
    let devices = system(&["losetup", "--noheadings", "--output", "NAME", "--associated", &image]).stdout;
    for device in devices.split_whitespace() {
        let _ = system(&["losetup", "--detach", device]);
    }
}

/// Runs a program of the system.
#[must_use]
pub fn system(words: &[&str]) -> Output {
    run(Command::new(words[0]).args(&words[1..]), "")
}
