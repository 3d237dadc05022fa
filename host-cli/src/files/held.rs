//! How the certificates on this machine stand to the gateway's.

use super::ConfigDir;
use crate::digest;
use crate::name::GatewayName;
use serde::Serialize;
use std::fs;

/// What a client on this machine has to connect with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// Certificates that trust the gateway's CA.
    Current,
    /// Certificates that don't: the gateway was made anew, or its CA was changed.
    OtherCa,
    /// None, or not all of the files.
    Missing,
}

impl ConfigDir {
    /// What there is of `name`, whose CA certificate has the SHA-256 `ca_sha256`.
    #[must_use]
    pub fn held(&self, name: &GatewayName, ca_sha256: &str) -> Held {
        let dir = self.certificates(name);
        let has_content = |file| fs::metadata(dir.join(file)).is_ok_and(|m| m.len() > 0);
        let Ok(ca) = fs::read(dir.join("ca.crt")) else { return Held::Missing };
        if !has_content("tls.crt") || !has_content("tls.key") {
            return Held::Missing;
        }
        // After a change of CA the file holds those before it too.
        let trusted = pem::parse_many(ca).unwrap_or_default();
        let is_trusted = trusted.iter().any(|c| digest::sha256(c.contents()) == ca_sha256);
        if is_trusted { Held::Current } else { Held::OtherCa }
    }
}
