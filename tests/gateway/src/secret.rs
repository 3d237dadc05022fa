//! The SSH handshake secret as a value that can't be printed.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

/// The variable that holds the secret, in the gateway's and in the sandbox's environment.
pub const SECRET_VARIABLE: &str = "OPENSHELL_SSH_HANDSHAKE_SECRET";

/// Key of the handshake's HMAC: the bytes of the text itself, which isn't decoded even if it is hexadecimal.
#[derive(Clone)]
pub struct HandshakeSecret(Zeroizing<Vec<u8>>);

/// The secret can't be used as a key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SecretError {
    /// The text holds no byte: an HMAC with an empty key would accept anybody.
    #[error(
        "the handshake secret is empty; give {SECRET_VARIABLE} the `secret` key of the Secret openshell-ssh-handshake"
    )]
    Empty,
    /// The variable isn't set.
    #[error("{SECRET_VARIABLE} is not set; give it the `secret` key of the Secret openshell-ssh-handshake")]
    Missing,
}

impl HandshakeSecret {
    /// The key's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for HandshakeSecret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        Ok(Self(Zeroizing::new(text.as_bytes().to_vec())))
    }
}

impl fmt::Debug for HandshakeSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HandshakeSecret(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_value() {
        let secret: HandshakeSecret = "0123456789abcdef".parse().unwrap();
        assert!(!format!("{secret:?}").contains("0123"));
    }

    #[test]
    fn an_empty_secret_is_no_secret() {
        assert_eq!("".parse::<HandshakeSecret>().unwrap_err(), SecretError::Empty);
    }
}
