//! Certificates and keys as text, and where they are kept.

use super::x509::Certificate;
use crate::kube::{Key, KubeSecret};
use openshell_contract::names::cluster;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The Secrets, in the order in which they are written: whoever reads a later one finds the earlier ones.
pub const CA: Key = Key { name: cluster::CA_SECRET, type_: "Opaque" };
/// The bundle that the gateway trusts.
pub const CLIENT_CA: Key = Key { name: cluster::CLIENT_CA_SECRET, type_: "Opaque" };
/// The clients' leaf.
pub const CLIENT: Key = Key { name: cluster::CLIENT_TLS_SECRET, type_: "Opaque" };
/// The gateway's leaf.
pub const SERVER: Key = Key { name: cluster::SERVER_TLS_SECRET, type_: "kubernetes.io/tls" };

/// Key of the CA Secret with the certificates of the CAs before it.
pub const PREVIOUS: &str = "previous.crt";

/// A certificate and its private key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: Zeroizing<String>,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pair { .. }")
    }
}

impl Pair {
    /// Reads a pair from a Secret; `None` without a certificate. A missing key is an empty one.
    pub fn read(secret: Option<&KubeSecret>, certificate: &str, key: &str) -> Option<Self> {
        let secret = secret?;
        Some(Self {
            certificate: secret.text(certificate)?.to_owned(),
            key: Zeroizing::new(secret.text(key).unwrap_or_default().to_owned()),
        })
    }
}

/// The CA: what signs, and what signed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ca {
    /// Its certificate and key.
    pub pair: Pair,
    /// The certificates of those before it that were usable when it was made, as PEM. In the same Secret,
    /// so that one write is the whole change.
    pub previous: String,
}

impl Ca {
    /// Those before it; none if they can't be read.
    pub fn previous(&self) -> Vec<Certificate> {
        Certificate::all_from_pem(&self.previous).unwrap_or_default()
    }
}

/// Everything that there should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The CA with its key; original gateways kept none.
    pub ca: Option<Ca>,
    /// The CA certificates that the gateway trusts for clients.
    pub client_ca: Option<String>,
    /// The gateway's leaf.
    pub server: Option<Pair>,
    /// The clients' leaf.
    pub client: Option<Pair>,
    /// The CA certificates that clients were given.
    pub client_trust: Option<String>,
}

impl Observed {
    /// Takes the material out of the Secrets.
    pub fn from_secrets(secrets: &BTreeMap<&'static str, KubeSecret>) -> Self {
        let get = |key: Key| secrets.get(key.name);
        let text = |key: Key, field: &str| get(key).and_then(|s| s.text(field)).map(str::to_owned);
        Self {
            ca: Pair::read(get(CA), "ca.crt", "ca.key")
                .map(|pair| Ca { pair, previous: text(CA, PREVIOUS).unwrap_or_default() }),
            client_ca: text(CLIENT_CA, "ca.crt"),
            server: Pair::read(get(SERVER), "tls.crt", "tls.key"),
            client: Pair::read(get(CLIENT), "tls.crt", "tls.key"),
            client_trust: text(CLIENT, "ca.crt"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_in_the_debug_text_of_what_holds_it() {
        let pair = Pair { certificate: "c".to_owned(), key: Zeroizing::new("hunter2".to_owned()) };
        let ca = Some(Ca { pair: pair.clone(), previous: String::new() });
        let observed = Observed { ca, server: Some(pair), ..Observed::default() };
        assert!(!format!("{observed:?}").contains("hunter2"));
    }
}
