//! A disk of the volume's own, in a file, and its faults.

use crate::{container, files, pause};
use openshell_contract::names::host;
use openshell_e2e::{Gateway, Output, docker, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The disk. Where nothing is written, it takes no space.
const IMAGE: &str = "/var/tmp/openshell-chaos.ext4";
const BYTES: u64 = 6 << 30;
/// What fills it, besides the gateway: all that is free, and then what comes free meanwhile.
const FILLS: [&str; 2] = ["fill-much", "fill-rest"];

/// An ext4 file system on a loop device. Dropping it gives the device back.
pub(crate) struct Disk {
    device: PathBuf,
}

impl Disk {
    /// A disk, where there are loop devices and somebody who may use them.
    pub(crate) fn new() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() || !Path::new("/dev/loop-control").exists() {
            return None;
        }
        detach();
        fs::File::create(IMAGE).and_then(|file| file.set_len(BYTES)).ok()?;
        let made = system(&["mkfs.ext4", "-q", "-m", "0", IMAGE]);
        let attached = system(&["losetup", "--find", "--show", IMAGE]);
        let device = PathBuf::from(attached.stdout.trim());
        (made.code == 0 && attached.code == 0).then_some(Self { device })
    }

    /// Makes the gateway's volume on it, before there is another one.
    ///
    /// # Panics
    /// Docker can't.
    pub(crate) fn volume(&self, gateway: &Gateway) {
        let label = |name: &str, value: &str| format!("--label={name}={value}");
        let device = format!("--opt=device={}", self.device.display());
        let ours = label(host::MANAGED_BY_LABEL, host::MANAGED_BY);
        let name = label(host::GATEWAY_LABEL, &gateway.name);
        let options = ["--opt=type=ext4", "--opt=o=errors=remount-ro", &device, &ours, &name];
        let _ = docker(&[&["volume", "create"], &options[..], &[&gateway.object()]].concat()).ok();
    }

    /// What somebody has to do after it: check the file system, and start the container.
    pub(crate) fn read_only(&self, gateway: &Gateway, ms: u64) {
        let name = self.device.file_name().unwrap_or_default();
        let trigger = Path::new("/sys/fs/ext4").join(name).join("trigger_fs_error");
        // It is not there while nothing is mounted.
        let _ = fs::write(trigger, "chaos");
        pause(ms);
        let _ = docker(&["stop", &gateway.object()]);
        let _ = system(&["e2fsck", "-fy", &self.device.display().to_string()]);
        let _ = docker(&["start", &gateway.object()]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        detach();
        // A next run makes its own.
        let _ = fs::remove_file(IMAGE);
    }
}

/// Fills the volume, and frees it again.
pub(crate) fn full(gateway: &Gateway, ms: u64, kill: bool) {
    let Some(volume) = files::volume(gateway) else { return container::kill_init(gateway) };
    let script = r#"
        free=$(df --output=avail --block-size=1 . | tail -n 1)
        fallocate --length "$((free - 1048576))" "$1"
        cat /dev/zero >"$2""#;
    let mut fill = Command::new("sh");
    let _ = run(fill.args(["-c", script, "sh"]).args(FILLS).current_dir(volume.join("openshell")), "");
    if kill {
        container::kill_init(gateway);
    }
    pause(ms);
    for part in FILLS {
        files::take(gateway, part);
    }
}

/// Whoever writes to the volume meanwhile waits (`fsfreeze(8)`).
pub(crate) fn stall(gateway: &Gateway, ms: u64) {
    let Some(volume) = files::volume(gateway) else { return container::kill_init(gateway) };
    let volume = volume.display().to_string();
    let _ = system(&["fsfreeze", "--freeze", &volume]);
    pause(ms);
    let _ = system(&["fsfreeze", "--unfreeze", &volume]);
}

/// Gives back the devices of this disk, those of a run that was killed as well.
fn detach() {
    let devices = system(&["losetup", "--noheadings", "--output", "NAME", "--associated", IMAGE]).stdout;
    for device in devices.split_whitespace() {
        let _ = system(&["losetup", "--detach", device]);
    }
}

fn system(words: &[&str]) -> Output {
    run(Command::new(words[0]).args(&words[1..]), "")
}
