//! What a stage says when it can't do its work.

use openshell_contract::reason::Reason;
use std::fmt::Display;

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

    /// A failure of an operation, with the whole chain of causes.
    pub fn caused(reason: Reason, what: impl Display, cause: &dyn std::error::Error) -> Self {
        let mut message = format!("{what}: {cause}");
        let mut next = cause.source();
        while let Some(cause) = next {
            // Some errors repeat their source in their own text.
            let text = cause.to_string();
            if !message.ends_with(&text) {
                message = format!("{message}: {text}");
            }
            next = cause.source();
        }
        Self { reason, message }
    }
}

/// Turns an error into a [`Failure`] at the place that knows what was attempted.
pub trait Context<T> {
    /// Names the cause and what was attempted.
    fn failing<D: Display>(self, reason: Reason, what: impl FnOnce() -> D) -> Result<T, Failure>;
}

impl<T, E: std::error::Error> Context<T> for Result<T, E> {
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
        assert_eq!(failure.message, "can't write x: outer: disk on fire");
    }
}
