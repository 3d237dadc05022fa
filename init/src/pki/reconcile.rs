//! Reads the PKI Secrets, decides, and writes what has to be written.
//!
//! A start can be cut at any point: whatever was written, the next one decides on what it finds and
//! continues. The CA is written before anything that it signs.

use super::decide::{Decision, decide};
use super::issue;
use super::material::{CA, CLIENT, CLIENT_CA, Observed, Pair, SERVER};
use super::x509::{Certificate, Role};
use crate::failure::{Context, Failure};
use crate::kube::{self, Key, KubeSecret};
use ::kube::api::Api;
use k8s_openapi::api::core::v1::Secret;
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use openshell_contract::status;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// What a client needs, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientBundle {
    /// The CA certificate.
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
    /// Whether anything was issued.
    pub changed: bool,
    /// Whether a CA key is there to renew with.
    pub renewable: bool,
}

/// Makes sure that every certificate is there and verifies.
pub async fn reconcile(api: &Api<Secret>, names: &[String], now: OffsetDateTime) -> Result<Outcome, Failure> {
    let found = read_all(api).await?;
    let observed = Observed::from_secrets(&found);
    let decision = decide(&observed, names, now);
    match &decision {
        Decision::Keep { .. } => outcome(&observed, &decision),
        Decision::Reissue { server, client, client_ca } => {
            let ca = observed.ca.clone().ok_or_else(|| inconsistent("the CA"))?;
            let wanted =
                Wanted { server: server.is_some(), client: client.is_some(), client_ca: client_ca.is_some() };
            let made = write_under(api, &found, observed, ca, wanted, names, now).await?;
            outcome(&made, &decision)
        }
        Decision::Generate(_) => {
            let ca = issue::ca(now).failing(Reason::Pki, || "can't make a CA")?;
            let data = BTreeMap::from([
                ("ca.crt", Zeroizing::new(ca.certificate.clone())),
                ("ca.key", ca.key.clone()),
            ]);
            write(api, &found, CA, data, &ca).await?;
            let all = Wanted { server: true, client: true, client_ca: true };
            let made = write_under(api, &found, observed, ca, all, names, now).await?;
            outcome(&made, &decision)
        }
    }
}

/// What has to be issued again.
#[derive(Clone, Copy)]
struct Wanted {
    server: bool,
    client: bool,
    client_ca: bool,
}

async fn read_all(api: &Api<Secret>) -> Result<BTreeMap<&'static str, KubeSecret>, Failure> {
    let read = |key: Key| async move { Ok::<_, Failure>((key.name, kube::read(api, key.name).await?)) };
    let (ca, client_ca, client, server) =
        tokio::try_join!(read(CA), read(CLIENT_CA), read(CLIENT), read(SERVER))?;
    Ok([ca, client_ca, client, server].into_iter().filter_map(|(name, found)| Some((name, found?))).collect())
}

async fn write_under(
    api: &Api<Secret>,
    found: &BTreeMap<&'static str, KubeSecret>,
    mut observed: Observed,
    ca: Pair,
    wanted: Wanted,
    names: &[String],
    now: OffsetDateTime,
) -> Result<Observed, Failure> {
    let trust = || Zeroizing::new(ca.certificate.clone());
    if wanted.client_ca {
        write(api, found, CLIENT_CA, BTreeMap::from([("ca.crt", trust())]), &ca).await?;
        observed.client_ca = Some(ca.certificate.clone());
    }
    if wanted.client {
        let leaf = issue::leaf(&ca, Role::Client, &[], now)
            .failing(Reason::Pki, || "can't issue the clients' certificate")?;
        let mut data = tls(&leaf);
        data.insert("ca.crt", trust());
        write(api, found, CLIENT, data, &ca).await?;
        observed.client_trust = Some(ca.certificate.clone());
        observed.client = Some(leaf);
    }
    if wanted.server {
        let leaf = issue::leaf(&ca, Role::Server, names, now)
            .failing(Reason::Pki, || "can't issue the gateway's certificate")?;
        write(api, found, SERVER, tls(&leaf), &ca).await?;
        observed.server = Some(leaf);
    }
    observed.ca = Some(ca);
    Ok(observed)
}

fn tls(pair: &Pair) -> BTreeMap<&'static str, Zeroizing<String>> {
    BTreeMap::from([("tls.crt", Zeroizing::new(pair.certificate.clone())), ("tls.key", pair.key.clone())])
}

async fn write(
    api: &Api<Secret>,
    found: &BTreeMap<&'static str, KubeSecret>,
    key: Key,
    data: BTreeMap<&'static str, Zeroizing<String>>,
    ca: &Pair,
) -> Result<(), Failure> {
    let generation = Certificate::from_pem(&ca.certificate).map(|c| c.sha256()).unwrap_or_default();
    let annotations = BTreeMap::from([(cluster::GENERATION_ANNOTATION.to_owned(), generation)]);
    kube::write(api, key, found.get(key.name), data, annotations).await
}

fn outcome(observed: &Observed, decision: &Decision) -> Result<Outcome, Failure> {
    let ca_pem = observed.client_trust.clone().ok_or_else(|| inconsistent("the CA certificate"))?;
    let ca = Certificate::from_pem(&ca_pem).ok_or_else(|| inconsistent("the CA certificate"))?;
    let server = observed.server.as_ref().and_then(|p| Certificate::from_pem(&p.certificate));
    let server = server.ok_or_else(|| inconsistent("the gateway's certificate"))?;
    let pair = observed.client.clone().ok_or_else(|| inconsistent("the clients' certificate"))?;
    let client =
        Certificate::from_pem(&pair.certificate).ok_or_else(|| inconsistent("the clients' certificate"))?;
    let (done, renewable) = match decision {
        Decision::Keep { renewable } => ("kept".to_owned(), *renewable),
        Decision::Reissue { server, client, client_ca } => {
            let flaws = [("server", server), ("client", client), ("client CA", client_ca)];
            let done =
                flaws.into_iter().filter_map(|(name, flaw)| Some(format!("{name}: {:?}", flaw.as_ref()?)));
            (format!("issued again ({})", done.collect::<Vec<_>>().join(", ")), true)
        }
        Decision::Generate(flaw) => (format!("new CA ({flaw:?})"), true),
    };
    Ok(Outcome {
        status: status::Pki {
            ca_sha256: ca.sha256(),
            server_not_after: server.validity.1,
            client_not_after: client.validity.1,
            ca_not_after: ca.validity.1,
        },
        checksums: BTreeMap::from([("server-tls", server.sha256()), ("client-ca", ca.sha256())]),
        client: ClientBundle { ca: ca_pem, pair },
        server,
        done,
        changed: !matches!(decision, Decision::Keep { .. }),
        renewable,
    })
}

/// For what the decision has ruled out: said rather than assumed.
fn inconsistent(what: &str) -> Failure {
    Failure::new(Reason::Pki, format!("{what} can't be read back right after it was judged usable"))
}
