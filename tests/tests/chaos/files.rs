//! Files of process 1 in the volume.

use crate::container;
use openshell_e2e::disk::mounted;
use openshell_e2e::{Gateway, run};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Where the machine has what process 1 keeps in the volume, while that is mounted.
fn state(gateway: &Gateway) -> Option<PathBuf> {
    mounted(gateway).map(|volume| volume.join("openshell"))
}

/// Makes a file of this name. Returns whether it could.
pub(crate) fn put(gateway: &Gateway, name: &str, text: &str) -> bool {
    state(gateway).is_some_and(|state| fs::write(state.join(name), text).is_ok())
}

/// Whether it is there.
pub(crate) fn is_there(gateway: &Gateway, name: &str) -> bool {
    state(gateway).is_some_and(|state| state.join(name).exists())
}

/// Cuts a file off at `place`, or changes a bit there, and kills process 1 before it writes the file again.
pub(crate) fn damage(gateway: &Gateway, file: usize, place: usize, cut: bool) {
    let Some(state) = state(gateway) else { return container::kill_init(gateway) };
    let found = run(Command::new("find").arg(&state).args(["-type", "f", "-size", "+0"]), "").stdout;
    let mut files: Vec<&str> = found.lines().collect();
    files.sort_unstable();
    let Some(file) = files.get(file % files.len().max(1)) else { return container::kill_init(gateway) };
    // It may be replaced just now, in the middle of another fault.
    if let Ok(mut bytes) = fs::read(file)
        && !bytes.is_empty()
    {
        let (at, bit) = (place % bytes.len(), place / bytes.len() % 8);
        crate::say(&format!("  {file}, byte {at} of {}, bit {bit}", bytes.len()));
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << bit;
        }
        let _ = fs::write(file, bytes);
    }
    container::kill_init(gateway);
}
