//! SHA-256.

use sha2::{Digest, Sha256};

/// The digest of `bytes`, hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
