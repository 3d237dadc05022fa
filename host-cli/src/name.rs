//! A gateway's name, and what is called after it.

use openshell_contract::names::{self, host};
use std::fmt;
use std::str::FromStr;

/// Longest name: with its prefix it stays a DNS label, as Docker's own resolver wants for containers.
pub const MAX: usize = 63 - "openshell-previous-".len();

/// A valid gateway name: a letter or digit, then letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayName(String);

/// Why a name is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or longer than [`MAX`].
    #[error("a gateway name has 1 to {MAX} characters")]
    Length,
    /// A character that Docker does not take in a name.
    #[error(
        "a gateway name starts with a letter or digit and goes on with letters, digits, '.', '_' and '-'"
    )]
    Characters,
}

impl FromStr for GatewayName {
    type Err = NameError;

    fn from_str(s: &str) -> Result<Self, NameError> {
        if !(1..=MAX).contains(&s.len()) {
            return Err(NameError::Length);
        }
        let rest_ok = s.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !rest_ok || !s.as_bytes()[0].is_ascii_alphanumeric() {
            return Err(NameError::Characters);
        }
        Ok(Self(s.to_owned()))
    }
}

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl GatewayName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Container, volume and network.
    #[must_use]
    pub fn object(&self) -> String {
        host::object(&self.0)
    }

    /// The container that a replacement put aside. No gateway's [`Self::object`] can be called so.
    #[must_use]
    pub fn previous(&self) -> String {
        format!("openshell-previous-{}", self.0)
    }

    /// A replacement that did not become ready, kept so that it can be looked at.
    #[must_use]
    pub fn failed(&self) -> String {
        format!("openshell-failed-{}", self.0)
    }

    /// Kubernetes node and container hostname.
    #[must_use]
    pub fn node(&self) -> String {
        names::node_name(&self.0)
    }

    /// ` -g NAME` for a command in a hint; nothing for the default name.
    #[must_use]
    pub fn flag(&self) -> String {
        if self.0 == host::DEFAULT_NAME { String::new() } else { format!(" -g {}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_docker_takes_and_others() {
        for good in ["openshell", "A.b_c-1", "0", &"a".repeat(MAX)] {
            assert!(good.parse::<GatewayName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "_a", "a b", "a/b", "ä", "a\n", &"a".repeat(MAX + 1)] {
            assert!(bad.parse::<GatewayName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_object_fits_a_host_name() {
        let name: GatewayName = "a".repeat(MAX).parse().unwrap();
        for object in [name.object(), name.previous(), name.failed(), name.node()] {
            assert!(object.len() <= 63, "{object}");
        }
    }
}
