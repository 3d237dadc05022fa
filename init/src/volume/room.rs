//! Whether the volume takes data again.

use nix::sys::statvfs::statvfs;
use openshell_contract::names::path;
use tracing::debug;

/// Enough for k3s to begin with: its database and log grow by megabytes in a start.
const ENOUGH: u64 = 64 << 20;

/// Whether there is room for another start.
pub fn is_there() -> bool {
    match statvfs(path::DATA) {
        Ok(volume) => volume.blocks_available() * volume.fragment_size() >= ENOUGH,
        Err(e) => {
            debug!("{} tells nothing of its space: {e}", path::DATA);
            false
        }
    }
}
