//! What others need to know of the certificates.

use super::decide::Note;
use super::material::{Ca, Observed, Pair};
use super::trust::Trust;
use super::x509::Certificate;
use crate::failure::Failure;
use crate::hex::hex;
use openshell_contract::reason::Reason;
use openshell_contract::status;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// What a client needs, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientBundle {
    /// The CA certificates.
    pub ca: String,
    /// The clients' certificate and key.
    pub pair: Pair,
}

impl ClientBundle {
    /// The bundle as files, for the socket.
    pub fn to_json(&self) -> Zeroizing<String> {
        let files = serde_json::json!({
            "ca.crt": self.ca, "tls.crt": self.pair.certificate, "tls.key": self.pair.key.as_str(),
        });
        Zeroizing::new(files.to_string())
    }
}

/// The certificates as they are now.
pub struct Outcome {
    /// What a client needs.
    pub client: ClientBundle,
    /// The gateway's certificate.
    pub server: Certificate,
    /// For the status document.
    pub status: status::Pki,
    /// Digests that change when the gateway has to take up something new.
    pub checksums: BTreeMap<&'static str, String>,
    /// What was done, in a few words.
    pub done: String,
    /// Whether anything was written.
    pub changed: bool,
    /// Whether the CA was missing or damaged and was put back.
    pub restored: bool,
    /// What somebody should know.
    pub warning: Option<&'static str>,
}

/// Reads the outcome from what the Secrets hold after a pass that did what `done` says.
pub fn outcome(
    observed: &Observed,
    note: Note,
    done: &[String],
    now: OffsetDateTime,
) -> Result<Outcome, Failure> {
    let certificate = |pem: Option<&String>, what| {
        pem.and_then(|pem| Certificate::from_pem(pem)).ok_or_else(|| inconsistent(what))
    };
    let trusted = observed.client_trust.clone().ok_or_else(|| inconsistent("the CA certificate"))?;
    let own = observed.ca.as_ref().filter(|_| note != Note::NoCaKey);
    let ca = certificate(Some(own.map_or(&trusted, |ca| &ca.pair.certificate)), "the CA certificate")?;
    let server = certificate(observed.server.as_ref().map(|p| &p.certificate), "the gateway's certificate")?;
    let pair = observed.client.clone().ok_or_else(|| inconsistent("the clients' certificate"))?;
    let client = certificate(Some(&pair.certificate), "the clients' certificate")?;
    let bundle = observed.client_ca.as_deref().and_then(Certificate::all_from_pem).unwrap_or_default();
    let previous = own.map(Ca::previous).unwrap_or_default();
    Ok(Outcome {
        status: status::Pki {
            ca_sha256: ca.sha256(),
            server_not_after: server.validity.1,
            client_not_after: client.validity.1,
            ca_not_after: ca.validity.1,
            previous_ca_until: Trust::new(ca, &previous, now).previous_until(),
        },
        checksums: BTreeMap::from([("server-tls", server.sha256()), ("client-ca", digest(&bundle))]),
        client: ClientBundle { ca: trusted, pair },
        server,
        done: if done.is_empty() { "kept".to_owned() } else { done.join("; ") },
        changed: !done.is_empty(),
        restored: false,
        warning: match note {
            Note::Fine => None,
            Note::NoCaKey => Some(
                "the CA has no key (an original gateway made it): certificates can't be renewed under it; \
                 `openshell-init rotate pki --ca` makes one beside it",
            ),
            Note::ClockBehind => Some("the CA's time has not begun: the clock seems to be behind"),
        },
    })
}

/// Of one certificate, its own SHA-256.
fn digest(bundle: &[Certificate]) -> String {
    let hash = bundle.iter().fold(Sha256::new(), |hash, ca| hash.chain_update(ca.der()));
    hex(&hash.finalize())
}

/// For what the decision has ruled out: said rather than assumed.
pub fn inconsistent(what: &str) -> Failure {
    Failure::new(Reason::Pki, format!("{what} can't be read back right after it was judged usable"))
}
