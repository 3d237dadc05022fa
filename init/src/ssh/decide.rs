//! What to do about the Secret: pure, and each outcome with its reason.
//!
//! | Secret | its keeper | a usable value is known | somebody holds one | decision |
//! |---|---|---|---|---|
//! | usable | anybody | | | keep |
//! | absent | | no | | create |
//! | absent | | yes | | restore it |
//! | unusable | we or nobody | yes | | restore it |
//! | unusable | we | no | no | create: nobody can be cut off |
//! | unusable | we or nobody | no | yes | refuse: a person may still have the value |
//! | unusable | nobody | no | no | refuse: whoever made it may mean it |
//! | unusable | somebody else | | | refuse: both would write |
//!
//! A value is known if this process saw it, or else if a sandbox holds it; of several sandboxes the
//! newest, since its value was the gateway's last.

use super::sandboxes::Holder;
use super::value::{Flaw, Value};
use crate::kube::{KubeSecret, Owner};

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The Secret is usable.
    Keep(Value),
    /// Make a new value.
    Create(Cause),
    /// Write this value again.
    Restore(Value, Cause),
    /// Change nothing, and say so.
    Refuse(Refusal),
}

/// Why something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// There is no Secret.
    #[error("there was none")]
    Absent,
    /// There is one that can't be used.
    #[error("{0}")]
    Unusable(#[from] Flaw),
}

/// Why nothing is written, though the Secret can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Sandboxes hold a value, and none that could be written.
    #[error("{0}, and sandboxes that hold another value need it back: {names}", names = .1.join(", "))]
    Held(Flaw, Vec<String>),
    /// We did not make it.
    #[error("{0}, and openshell-init did not make it")]
    NotOurs(Flaw),
    /// Somebody else keeps it.
    #[error("{0}, and {1} keeps it")]
    Kept(Flaw, String),
}

/// Decides about `found`, when this process last saw the value `known` and sandboxes hold `holders`.
pub fn decide(found: Option<&KubeSecret>, known: Option<&Value>, holders: &[Holder]) -> Decision {
    let known = || {
        let held = holders.iter().filter(|h| h.value.is_some()).max_by_key(|h| &h.since);
        known.or_else(|| held?.value.as_ref()).cloned()
    };
    let Some(secret) = found else {
        return known()
            .map_or(Decision::Create(Cause::Absent), |value| Decision::Restore(value, Cause::Absent));
    };
    let flaw = match Value::read(secret) {
        Ok(value) => return Decision::Keep(value),
        Err(flaw) => flaw,
    };
    match (secret.owner(), known()) {
        (Owner::Other(owner), _) => Decision::Refuse(Refusal::Kept(flaw, owner)),
        (_, Some(value)) => Decision::Restore(value, flaw.into()),
        (_, None) if !holders.is_empty() => Decision::Refuse(Refusal::Held(flaw, names(holders))),
        (Owner::Ours, None) => Decision::Create(flaw.into()),
        (Owner::Nobody, None) => Decision::Refuse(Refusal::NotOurs(flaw)),
    }
}

/// The sandboxes that hold another value than `value`: the gateway can't shake hands with them.
pub fn strangers(value: &Value, holders: &[Holder]) -> Vec<String> {
    let others: Vec<_> =
        holders.iter().filter(|holder| holder.value.as_ref() != Some(value)).cloned().collect();
    names(&others)
}

/// Names of `holders`.
pub fn names(holders: &[Holder]) -> Vec<String> {
    holders.iter().map(|holder| holder.name.clone()).collect()
}

#[cfg(test)]
mod tests;
