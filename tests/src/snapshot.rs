//! What must not change over a restart, and what may only grow.

use crate::{Gateway, Output};
use openshell_contract::names::cluster;
use serde_json::Value;
use std::collections::BTreeMap;

/// The identity of a gateway at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Data and resource version of each of our Secrets. Base64 text, compared and never decoded.
    pub secrets: BTreeMap<String, (Value, String)>,
    /// Helm's revision of the release.
    pub revision: u32,
    /// Fingerprint of the SSH secret in the status.
    pub fingerprint: Option<String>,
    /// The CA in the status.
    pub ca: Option<String>,
    /// Client certificate on the host.
    pub client_certificate: Vec<u8>,
}

/// The gateway's own counters in its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// How often the gateway's process started.
    pub starts: u64,
    /// A number that only grows.
    pub counter: u64,
}

impl Snapshot {
    /// Takes a snapshot of a ready gateway.
    ///
    /// # Panics
    /// Something of it is missing.
    #[must_use]
    #[track_caller]
    pub fn take(gateway: &Gateway) -> Self {
        let names = [
            cluster::CA_SECRET,
            cluster::CLIENT_CA_SECRET,
            cluster::CLIENT_TLS_SECRET,
            cluster::SERVER_TLS_SECRET,
            cluster::SSH_SECRET,
        ];
        let secrets = names.map(|name| {
            let json = gateway.kubectl(&["get", "secret", name, "-o", "json"], "").ok();
            let json: Value = serde_json::from_str(&json).expect("kubectl prints JSON");
            let version = json["metadata"]["resourceVersion"].as_str().expect("a version").to_owned();
            (name.to_owned(), (json["data"].clone(), version))
        });
        let status = gateway.status().expect("a status");
        Self {
            secrets: secrets.into(),
            revision: status.chart.expect("a deployed chart").revision,
            fingerprint: status.ssh_fingerprint,
            ca: status.pki.map(|pki| pki.ca_sha256),
            client_certificate: std::fs::read(gateway.certificates().join("tls.crt"))
                .expect("a client certificate"),
        }
    }
}

/// Reads the gateway's counters, after adding one if `increment`.
///
/// # Panics
/// The gateway's pod does not answer.
#[must_use]
#[track_caller]
pub fn counters(gateway: &Gateway, increment: bool) -> Counters {
    parse(&ask(gateway, increment).ok()).expect("the counters are JSON")
}

/// The same, while the gateway may be away.
#[must_use]
pub fn try_counters(gateway: &Gateway, increment: bool) -> Option<Counters> {
    parse(&ask(gateway, increment).stdout)
}

fn ask(gateway: &Gateway, increment: bool) -> Output {
    let mut args = vec!["exec", "openshell-0", "--", "/openshell-server", "counter"];
    args.extend(increment.then_some("--increment"));
    gateway.kubectl(&args, "")
}

fn parse(json: &str) -> Option<Counters> {
    let json: Value = serde_json::from_str(json).ok()?;
    Some(Counters { starts: json["starts"].as_u64()?, counter: json["counter"].as_u64()? })
}
