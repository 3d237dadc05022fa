//! The secret's value: what counts as usable, and how it is identified without being told.

use crate::hex::hex;
use crate::kube::KubeSecret;
use hmac::{Hmac, KeyInit, Mac};
use openshell_contract::names::cluster;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of randomness; twice as many hexadecimal characters.
const BYTES: usize = 32;
/// What the fingerprint is an HMAC of.
const LABEL: &[u8] = b"openshell-ssh-handshake-fingerprint";

/// A usable value: 64 lowercase hexadecimal characters, as original gateways made them.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Zeroizing<String>);

/// Why a Secret holds no usable value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The key is missing, or its content is no text.
    #[error("it has no text under the key `secret`")]
    NoText,
    /// Too short or too long.
    #[error("its value is not 64 characters long")]
    Length,
    /// Of the right length, and no lowercase hexadecimal.
    #[error("its value is not lowercase hexadecimal")]
    NotHex,
}

impl Value {
    /// Makes a new one.
    pub fn generate() -> Self {
        let bytes = Zeroizing::new(rand::random::<[u8; BYTES]>());
        Self(Zeroizing::new(hex(&*bytes)))
    }

    /// Takes `text` if it is usable.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        if text.len() != 2 * BYTES {
            return Err(Flaw::Length);
        }
        if !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(Flaw::NotHex);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Reads the value that `secret` holds.
    pub fn read(secret: &KubeSecret) -> Result<Self, Flaw> {
        Self::parse(secret.text(cluster::SSH_SECRET_KEY).ok_or(Flaw::NoText)?)
    }

    /// The text itself, for the Secret.
    pub fn text(&self) -> Zeroizing<String> {
        self.0.clone()
    }

    /// Identifies the value without telling anything about it.
    pub fn fingerprint(&self) -> String {
        // HMAC takes a key of any length (RFC 2104, section 2), so this is never the error case.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()) else { return String::new() };
        mac.update(LABEL);
        hex(&mac.finalize().into_bytes())
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near_text;
    use proptest::prelude::*;

    #[test]
    fn only_64_lowercase_hexadecimal_characters_are_usable() {
        assert!(Value::parse(&"0f".repeat(32)).is_ok());
        for short in ["", "0f", &"0f".repeat(33)] {
            assert_eq!(Value::parse(short), Err(Flaw::Length), "{short}");
        }
        for other in ["0F", "0g", "é"] {
            let text = other.repeat(64 / other.len());
            assert_eq!(Value::parse(&text), Err(Flaw::NotHex), "{other}");
        }
        assert_eq!(Value::read(&KubeSecret::default()), Err(Flaw::NoText));
    }

    #[test]
    fn a_new_value_is_usable_and_differs_each_time() {
        let (a, b) = (Value::generate(), Value::generate());
        assert_eq!(Value::parse(&a.text()).as_ref(), Ok(&a));
        assert_ne!(a, b);
        assert_ne!(a.fingerprint(), b.fingerprint());
    }

    #[test]
    fn neither_fingerprint_nor_debug_text_tell_it() {
        let value = Value::generate();
        assert!(!value.fingerprint().contains(value.text().as_str()));
        assert!(!format!("{value:?}").contains(value.text().as_str()));
    }

    /// Against `printf openshell-ssh-handshake-fingerprint | openssl dgst -sha256 -hmac 0f0f…`.
    #[test]
    fn the_fingerprint_is_the_published_formula() {
        assert_eq!(
            Value::parse(&"0f".repeat(32)).unwrap().fingerprint(),
            "2487eeaf7254d1470d3f3b68c657c2bf18f9d3dadfd7c313681b2f0cda792af2"
        );
    }

    proptest! {
        #[test]
        fn what_is_usable_is_taken_as_it_is(text in near_text(&["0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"])) {
            if let Ok(value) = Value::parse(&text) {
                prop_assert_eq!(&*value.text(), &text);
                prop_assert!(text.len() == 64 && text.bytes().all(|b| b"0123456789abcdef".contains(&b)));
            }
        }
    }
}
