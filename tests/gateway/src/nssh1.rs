//! The handshake that opens a connection from the gateway to a sandbox: one line, authenticated by the shared
//! secret.
//!
//! ```text
//! NSSH1 <token> <unix-seconds> <nonce-hex> <hmac-hex>\n
//! ```
//!
//! The HMAC-SHA256 covers `token|timestamp|nonce` exactly as written. Every field has a single spelling (no
//! leading zero, lower-case hexadecimal), so that no two lines mean the same and any changed byte is refused.
//! Nothing here does I/O or reads a clock; [`crate::replay`] adds the memory of used nonces.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::HandshakeSecret;

/// Longest line in bytes that is read from a peer, line feed included.
pub const MAX_LINE: usize = 512;
/// Largest difference, in seconds, between the sender's and the receiver's clock.
pub const MAX_SKEW_SECS: u64 = 300;
/// What the sandbox answers when it accepts.
pub const ACCEPTED: &str = "OK\n";

const MAGIC: &str = "NSSH1";
const MAX_TOKEN: usize = 256;
const NONCE_DIGITS: usize = 32;
const MAC_BYTES: usize = 32;

/// The authenticated content of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preface {
    token: String,
    timestamp: u64,
    nonce: String,
}

/// Why a line is refused. The text is what the peer is told: it holds nothing that depends on the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The line doesn't have the protocol's form.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// The HMAC was made with another secret, or for other content.
    #[error("wrong mac: the secrets of gateway and sandbox differ, or the line was changed")]
    WrongMac,
    /// The clocks differ too much.
    #[error("clock skew of {seconds} s is over the limit of {limit} s")]
    Skew {
        /// Difference between the two clocks, in seconds.
        seconds: u64,
        /// Largest difference accepted, in seconds.
        limit: u64,
    },
    /// The nonce was used before.
    #[error("replayed nonce")]
    Replayed,
    /// The memory of used nonces is full; a later try succeeds.
    #[error("busy: too many handshakes within the accepted clock skew")]
    Busy,
}

impl Preface {
    /// Content for a connection that is opened at `timestamp` (seconds since 1970) with a `nonce` that is
    /// never used again.
    pub fn new(token: &str, timestamp: u64, nonce: [u8; NONCE_DIGITS / 2]) -> Result<Self, Refusal> {
        check_token(token)?;
        Ok(Self { token: token.to_owned(), timestamp, nonce: to_hex(&nonce) })
    }

    /// Who connects: an identifier without meaning for the handshake.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The sender's clock in seconds since 1970.
    #[must_use]
    pub const fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// The nonce in lower-case hexadecimal.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The line that proves knowledge of `secret`, with its line feed.
    #[must_use]
    pub fn sign(&self, secret: &HandshakeSecret) -> String {
        let mac = to_hex(&self.mac(secret).finalize().into_bytes());
        format!("{MAGIC} {} {} {} {mac}\n", self.token, self.timestamp, self.nonce)
    }

    fn mac(&self, secret: &HandshakeSecret) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
        // HMAC takes keys of any length; the error exists for other constructions behind the same trait.
        let mut mac = mac.unwrap_or_else(|_| unreachable!("HMAC-SHA256 accepts a key of any length"));
        mac.update(format!("{}|{}|{}", self.token, self.timestamp, self.nonce).as_bytes());
        mac
    }
}

/// Accepts or refuses a received line at the time `now` (seconds since 1970).
///
/// The HMAC is compared in constant time and before the clock, so that a peer without the secret learns
/// nothing but that it lacks it.
pub fn verify(line: &[u8], secret: &HandshakeSecret, now: u64, max_skew: u64) -> Result<Preface, Refusal> {
    let (preface, mac) = parse(line)?;
    preface.mac(secret).verify_slice(&mac).map_err(|_| Refusal::WrongMac)?;
    let seconds = now.abs_diff(preface.timestamp);
    if seconds > max_skew {
        return Err(Refusal::Skew { seconds, limit: max_skew });
    }
    Ok(preface)
}

/// What the sandbox answers when it refuses.
#[must_use]
pub fn refused(refusal: &Refusal) -> String {
    format!("ERR {refusal}\n")
}

fn parse(line: &[u8]) -> Result<(Preface, [u8; MAC_BYTES]), Refusal> {
    if line.len() > MAX_LINE {
        return Err(Refusal::Malformed("the line is too long"));
    }
    let line = line.strip_suffix(b"\n").ok_or(Refusal::Malformed("no line feed at the end"))?;
    let line = str::from_utf8(line).map_err(|_| Refusal::Malformed("not UTF-8"))?;
    let fields: Vec<&str> = line.split(' ').collect();
    let [MAGIC, token, timestamp, nonce, mac] = fields[..] else {
        return Err(Refusal::Malformed("not `NSSH1 <token> <unix-seconds> <nonce> <hmac>`"));
    };
    check_token(token)?;
    let timestamp = parse_timestamp(timestamp)?;
    if nonce.len() != NONCE_DIGITS || from_hex(nonce).is_none() {
        return Err(Refusal::Malformed("the nonce is not 32 lower-case hexadecimal digits"));
    }
    let mac = from_hex(mac)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(Refusal::Malformed("the hmac is not 64 lower-case hexadecimal digits"))?;
    Ok((Preface { token: token.to_owned(), timestamp, nonce: nonce.to_owned() }, mac))
}

/// A token holds neither the line's separator (space) nor that of the signed text (`|`).
fn check_token(token: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if token.is_empty() || token.len() > MAX_TOKEN || !token.bytes().all(plain) {
        return Err(Refusal::Malformed("the token is not 1 to 256 letters, digits, `-`, `.`, `_` or `~`"));
    }
    Ok(())
}

fn parse_timestamp(text: &str) -> Result<u64, Refusal> {
    let value: u64 =
        text.parse().map_err(|_| Refusal::Malformed("the timestamp is not a number of seconds"))?;
    // Refuses `+1` and `01`, which the number's parser takes.
    if value.to_string() != text {
        return Err(Refusal::Malformed("the timestamp is not written plainly"));
    }
    Ok(value)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests;
