//! The plan of a start that makes everything anew.

use super::{Action, Observed, Owner, Refusal, Removal, Wanted, destroy, start};

/// What to remove, and what to do after it. Whatever would keep the new gateway from being made is
/// refused before anything is removed; the image, too, has to be here by then.
///
/// # Errors
/// Something has the gateway's name or port that isn't the gateway's. Nothing may be done then.
pub fn recreate(observed: &Observed, wanted: &Wanted) -> Result<(Vec<Removal>, Vec<Action>), Refusal> {
    let removals = destroy(observed, false)?;
    let mut after =
        Observed { container: None, previous: None, failed: None, networks: Vec::new(), ..observed.clone() };
    let is_left = |id: &str| !removals.contains(&Removal::Network(id.to_owned()));
    after.networks.extend(observed.networks.iter().filter(|n| is_left(&n.id)).cloned());
    if removals.contains(&Removal::Volume) {
        after.volume = Owner::Absent;
    }
    if after.volume == Owner::Unlabeled {
        return Err(Refusal::UnlabeledVolume);
    }
    Ok((removals, start(&after, wanted)?))
}
