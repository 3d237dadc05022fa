//! What a certificate says, and whether it holds.

use rcgen::{KeyPair, PublicKeyData};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, Pem, X509Certificate};

/// What a leaf is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The gateway: extended key usage `serverAuth`.
    Server,
    /// A client: extended key usage `clientAuth`.
    Client,
}

/// Why a certificate can't be used any longer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The Secret or one of its keys is missing.
    #[error("missing")]
    Missing,
    /// There is a certificate, and no private key.
    #[error("private key missing")]
    KeyMissing,
    /// It is no PEM certificate or no private key.
    #[error("unparsable")]
    Unparsable,
    /// The private key is another one's.
    #[error("private key of another certificate")]
    KeyMismatch,
    /// It is not signed by the CA.
    #[error("not signed by the CA")]
    ChainBroken,
    /// It is no CA, or a leaf without the right extended key usage.
    #[error("made for another use")]
    WrongUsage,
    /// It does not list this name or address.
    #[error("{0} not listed")]
    NameMissing(String),
    /// A bundle holds other CAs than it should.
    #[error("other CAs than it should hold")]
    WrongBundle,
    /// Its time has not begun.
    #[error("not valid yet")]
    NotYetValid,
    /// Its time has ended.
    #[error("expired")]
    Expired,
    /// More than two thirds of its time have passed.
    #[error("due for renewal")]
    RenewalDue,
    /// It is of the previous CA, and clients have had time to learn of the new one.
    #[error("of the previous CA")]
    Superseded,
    /// A person asked for another one.
    #[error("asked for")]
    Requested,
}

/// A parsed certificate, as DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    /// Begin and end, seconds since the Unix epoch.
    pub validity: (i64, i64),
}

impl Certificate {
    /// Reads the first certificate in `pem`.
    pub fn from_pem(pem: &str) -> Option<Self> {
        Self::all_from_pem(pem)?.into_iter().next()
    }

    /// Reads every certificate in `pem`; `None` if anything in it is none.
    pub fn all_from_pem(pem: &str) -> Option<Vec<Self>> {
        Pem::iter_from_buffer(pem.as_bytes()).map(|block| Self::from_der(block.ok()?.contents)).collect()
    }

    fn from_der(der: Vec<u8>) -> Option<Self> {
        let (rest, parsed) = X509Certificate::from_der(&der).ok()?;
        // TLS libraries refuse what has more in it than a certificate.
        if !rest.is_empty() {
            return None;
        }
        let validity = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
        Some(Self { der, validity })
    }

    /// The certificate as PEM.
    pub fn to_pem(&self) -> String {
        pem::encode_config(
            &pem::Pem::new("CERTIFICATE", self.der.as_slice()),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        )
    }

    /// The certificate's bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate, hexadecimal.
    pub fn sha256(&self) -> String {
        crate::hex::hex(&Sha256::digest(&self.der))
    }

    fn with<T>(&self, f: impl FnOnce(&X509Certificate) -> T) -> Option<T> {
        // It was parsed once already, when it was made.
        X509Certificate::from_der(&self.der).ok().map(|(_, parsed)| f(&parsed))
    }

    /// Whether `key_pem` is the private key of this certificate.
    pub fn check_key(&self, key_pem: &str) -> Result<(), Flaw> {
        if key_pem.is_empty() {
            return Err(Flaw::KeyMissing);
        }
        let key = KeyPair::from_pem(key_pem).map_err(|_| Flaw::Unparsable)?;
        let same = self.with(|c| c.public_key().raw == key.subject_public_key_info().as_slice());
        if same == Some(true) { Ok(()) } else { Err(Flaw::KeyMismatch) }
    }

    /// Whether it is a CA that signs itself.
    pub fn check_ca(&self) -> Result<(), Flaw> {
        match self.with(|c| (c.is_ca(), c.verify_signature(None).is_ok())) {
            Some((true, true)) => Ok(()),
            Some((true, false)) => Err(Flaw::ChainBroken),
            _ => Err(Flaw::WrongUsage),
        }
    }

    /// Whether `ca` signed it.
    pub fn is_signed_by(&self, ca: &Self) -> bool {
        let signed = ca.with(|ca| {
            self.with(|c| c.issuer() == ca.subject() && c.verify_signature(Some(ca.public_key())).is_ok())
        });
        signed.flatten() == Some(true)
    }

    /// Whether it may be used as `role`. A leaf without extended key usage serves any purpose (RFC 5280,
    /// 4.2.1.12); original gateways made such.
    pub fn check_usage(&self, role: Role) -> Result<(), Flaw> {
        let usable = self.with(|c| match c.extended_key_usage() {
            Ok(None) => true,
            Ok(Some(usage)) => match role {
                Role::Server => usage.value.server_auth,
                Role::Client => usage.value.client_auth,
            },
            Err(_) => false,
        });
        if usable == Some(true) { Ok(()) } else { Err(Flaw::WrongUsage) }
    }

    /// Whether it lists all of `names`. More than those is fine: a name that is no longer wanted is no
    /// reason for a new certificate.
    pub fn check_names(&self, names: &[String]) -> Result<(), Flaw> {
        let listed = self.with(listed_names).unwrap_or_default();
        match names.iter().find(|n| !listed.contains(&n.to_ascii_lowercase())) {
            Some(missing) => Err(Flaw::NameMissing(missing.clone())),
            None => Ok(()),
        }
    }

    /// Whether it is valid at `now` and not in the last third of its time.
    pub fn check_time(&self, now: OffsetDateTime) -> Result<(), Flaw> {
        let (begin, end) = self.validity;
        let now = now.unix_timestamp();
        if now >= end {
            Err(Flaw::Expired)
        } else if now < begin {
            Err(Flaw::NotYetValid)
        } else if now >= begin + (end - begin) / 3 * 2 {
            Err(Flaw::RenewalDue)
        } else {
            Ok(())
        }
    }
}

fn listed_names(certificate: &X509Certificate) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let text = |name: &GeneralName| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|b| IpAddr::from(b).to_string()),
        },
        _ => None,
    };
    names.value.general_names.iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests;
