//! Faults of the disk that the volume is on.

use crate::{container, pause};
use openshell_e2e::disk::{self, Disk, system};
use openshell_e2e::{Gateway, docker};
use std::fs;
use std::path::Path;

/// What somebody has to do after it: check the file system, and start the container.
pub(crate) fn read_only(disk: &Disk, gateway: &Gateway, ms: u64) {
    let name = disk.device().file_name().unwrap_or_default();
    let trigger = Path::new("/sys/fs/ext4").join(name).join("trigger_fs_error");
    // It is not there while nothing is mounted.
    let _ = fs::write(trigger, "chaos");
    pause(ms);
    let _ = docker(&["stop", &gateway.object()]);
    let _ = system(&["e2fsck", "-fy", &disk.device().display().to_string()]);
    let _ = docker(&["start", &gateway.object()]);
}

/// Fills the volume, and frees it again.
pub(crate) fn full(gateway: &Gateway, ms: u64, kill: bool) {
    let Some(volume) = disk::mounted(gateway) else { return container::kill_init(gateway) };
    disk::fill(&volume);
    if kill {
        container::kill_init(gateway);
    }
    pause(ms);
    disk::free(gateway);
}

/// Whoever writes to the volume meanwhile waits (`fsfreeze(8)`).
pub(crate) fn stall(gateway: &Gateway, ms: u64) {
    let Some(volume) = disk::mounted(gateway) else { return container::kill_init(gateway) };
    let volume = volume.display().to_string();
    let _ = system(&["fsfreeze", "--freeze", &volume]);
    pause(ms);
    let _ = system(&["fsfreeze", "--unfreeze", &volume]);
}
