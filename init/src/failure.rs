//! What a stage says when it can't do its work.

use openshell_contract::reason::Reason;
use std::error::Error;
use std::fmt::Display;
use std::io;

/// Why a stage failed: the cause, and a sentence that names the object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The cause.
    pub reason: Reason,
    /// What failed, on which object, and why.
    pub message: String,
}

impl Failure {
    /// A failure with a whole sentence.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// A failure of an operation, with the whole chain of causes. A full disk is the reason of whatever it is in the
    /// way of.
    pub fn caused(reason: Reason, what: impl Display, cause: &(dyn Error + 'static)) -> Self {
        let mut message = what.to_string();
        for cause in chain(cause) {
            // Some errors repeat their source in their own text.
            let text = cause.to_string();
            if !message.ends_with(&text) {
                message = format!("{message}: {text}");
            }
        }
        Self { reason: if chain(cause).any(is_full) { Reason::DiskFull } else { reason }, message }
    }
}

fn chain<'a>(cause: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(cause), |&cause| cause.source())
}

fn is_full(cause: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    cause.downcast_ref::<io::Error>().is_some_and(|e| matches!(e.kind(), StorageFull | QuotaExceeded))
}

/// Turns an error into a [`Failure`] at the place that knows what was attempted.
pub trait Context<T> {
    /// Names the cause and what was attempted.
    fn failing<D: Display>(self, reason: Reason, what: impl FnOnce() -> D) -> Result<T, Failure>;
}

impl<T, E: Error + 'static> Context<T> for Result<T, E> {
    fn failing<D: Display>(self, reason: Reason, what: impl FnOnce() -> D) -> Result<T, Failure> {
        self.map_err(|e| Failure::caused(reason, what(), &e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_whole_chain_is_told() {
        let error: Result<(), _> = Err(Outer(std::io::Error::other("disk on fire")));
        let failure = error.failing(Reason::StateUnusable, || "can't write x").unwrap_err();
        assert_eq!(failure, Failure::new(Reason::StateUnusable, "can't write x: outer: disk on fire"));
    }

    #[test]
    fn a_full_disk_is_the_reason_wherever_it_is_in_the_chain() {
        let full = || io::Error::from_raw_os_error(nix::libc::ENOSPC);
        for error in [Box::new(full()) as Box<dyn Error>, Box::new(Outer(full()))] {
            assert_eq!(Failure::caused(Reason::StateUnusable, "x", &*error).reason, Reason::DiskFull);
        }
    }
}
