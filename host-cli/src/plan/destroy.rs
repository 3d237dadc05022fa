//! The plan of a removal.

use super::{Observed, Owner, Refusal};

/// Something to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The container of this ID.
    Container(String),
    /// The network of this ID.
    Network(String),
    /// The volume, with all data.
    Volume,
}

/// What to remove. Only what is this gateway's goes: by its labels, or, without any label, by its
/// name beside a container that is this gateway's.
///
/// # Errors
/// The container's name is taken by somebody else's.
pub fn destroy(observed: &Observed, keep_data: bool) -> Result<Vec<Removal>, Refusal> {
    let containers: Vec<_> =
        [&observed.container, &observed.previous, &observed.failed].into_iter().flatten().collect();
    if let Some(foreign) = containers.iter().find(|c| !c.ours) {
        return Err(Refusal::ForeignContainer(foreign.id.clone()));
    }
    let is_ours = |owner: &Owner| match owner {
        Owner::Ours => true,
        Owner::Unlabeled => !containers.is_empty(),
        Owner::Absent | Owner::Foreign(_) => false,
    };
    let mut removals: Vec<_> = containers.iter().map(|c| Removal::Container(c.id.clone())).collect();
    removals.extend(
        observed.networks.iter().filter(|n| is_ours(&n.owner)).map(|n| Removal::Network(n.id.clone())),
    );
    if !keep_data && is_ours(&observed.volume) {
        removals.push(Removal::Volume);
    }
    Ok(removals)
}
