//! Mount propagation.

use crate::failure::{Context, Failure};
use nix::mount::{MsFlags, mount};
use openshell_contract::reason::Reason;

/// Makes every mount shared, so that volumes which a pod mounts with `Bidirectional` propagation reach
/// the node and other pods. Docker makes a container's mounts private; kubelet needs them shared.
pub fn make_shared() -> Result<(), Failure> {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_SHARED | MsFlags::MS_REC, none)
        .failing(Reason::NodePreparation, || "can't make the mounts under / shared")
}
