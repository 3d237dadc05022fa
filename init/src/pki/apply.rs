//! Reads the PKI Secrets, and writes what was decided.
//!
//! The order is the CA, the bundle that the gateway trusts, the clients' Secret, the gateway's leaf: whoever
//! reads a later one finds the earlier ones. Each Secret is written whole, in the version that was read.

use super::decide::Issue;
use super::issue;
use super::material::{CA, CLIENT, CLIENT_CA, Ca, Observed, PREVIOUS, Pair, SERVER};
use super::outcome::inconsistent;
use super::trust::Trust;
use super::x509::{Certificate, Flaw, Role};
use crate::failure::{Context, Failure};
use crate::kube::{self, Data, Key, KubeSecret};
use ::kube::api::Api;
use k8s_openapi::api::core::v1::Secret;
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// One look at the Secrets, and what was written since.
pub struct Pass<'a> {
    api: Api<Secret>,
    names: &'a [String],
    now: OffsetDateTime,
    found: BTreeMap<&'static str, KubeSecret>,
    /// What the Secrets hold now.
    pub observed: Observed,
}

impl<'a> Pass<'a> {
    /// Looks.
    pub async fn read(api: Api<Secret>, names: &'a [String], now: OffsetDateTime) -> Result<Self, Failure> {
        let found = read_all(&api).await?;
        Ok(Self { observed: Observed::from_secrets(&found), api, names, now, found })
    }

    /// Makes a new CA, which is trusted beside `previous`. One write is the whole change: the bundles and
    /// leaves follow from it.
    pub async fn new_ca(&mut self, why: &Flaw, previous: &[Certificate]) -> Result<String, Failure> {
        let pair = issue::ca(self.now).failing(Reason::Pki, || "can't make a CA")?;
        let previous = previous.iter().map(Certificate::to_pem).collect();
        self.write_ca(Ca { pair, previous }).await?;
        Ok(format!("new CA ({why})"))
    }

    /// Writes `ca` again.
    pub async fn restore_ca(&mut self, why: &Flaw, ca: Ca) -> Result<String, Failure> {
        self.write_ca(ca).await?;
        Ok(format!("CA restored ({why})"))
    }

    /// Issues under the present CA what has a flaw.
    pub async fn issue(&mut self, issue: &Issue) -> Result<String, Failure> {
        let ca = self.observed.ca.clone().ok_or_else(|| inconsistent("the CA"))?;
        let current = Certificate::from_pem(&ca.pair.certificate).ok_or_else(|| inconsistent("the CA"))?;
        let bundle = Trust::new(current, &ca.previous(), self.now).bundle();
        if issue.client_ca.is_some() {
            self.write(CLIENT_CA, Data::from([("ca.crt", Zeroizing::new(bundle.clone()))]), &ca).await?;
            self.observed.client_ca = Some(bundle.clone());
        }
        if issue.client.is_some() || issue.client_trust.is_some() {
            let leaf = match (&issue.client, &self.observed.client) {
                (None, Some(leaf)) => leaf.clone(),
                _ => issue::leaf(&ca.pair, Role::Client, &[], self.now)
                    .failing(Reason::Pki, || "can't issue the clients' certificate")?,
            };
            let mut data = tls(&leaf);
            data.insert("ca.crt", Zeroizing::new(bundle.clone()));
            self.write(CLIENT, data, &ca).await?;
            self.observed.client_trust = Some(bundle);
            self.observed.client = Some(leaf);
        }
        if issue.server.is_some() {
            let leaf = issue::leaf(&ca.pair, Role::Server, self.names, self.now)
                .failing(Reason::Pki, || "can't issue the gateway's certificate")?;
            self.write(SERVER, tls(&leaf), &ca).await?;
            self.observed.server = Some(leaf);
        }
        Ok(format!("issued again ({})", describe(issue)))
    }

    async fn write_ca(&mut self, ca: Ca) -> Result<(), Failure> {
        let mut data = Data::from([
            ("ca.crt", Zeroizing::new(ca.pair.certificate.clone())),
            ("ca.key", ca.pair.key.clone()),
        ]);
        if !ca.previous.is_empty() {
            data.insert(PREVIOUS, Zeroizing::new(ca.previous.clone()));
        }
        // Nothing is begun that somebody else's Secret would leave half done.
        for key in [CLIENT_CA, CLIENT, SERVER] {
            kube::check_owner(key, self.found.get(key.name))?;
        }
        self.write(CA, data, &ca).await?;
        self.observed.ca = Some(ca);
        Ok(())
    }

    async fn write(&mut self, key: Key, data: Data, ca: &Ca) -> Result<(), Failure> {
        let generation = Certificate::from_pem(&ca.pair.certificate).map(|c| c.sha256()).unwrap_or_default();
        let annotation = (cluster::GENERATION_ANNOTATION, generation);
        let written = kube::write(&self.api, key, self.found.get(key.name), data, annotation).await?;
        self.found.insert(key.name, written);
        Ok(())
    }
}

async fn read_all(api: &Api<Secret>) -> Result<BTreeMap<&'static str, KubeSecret>, Failure> {
    let read = |key: Key| async move { Ok::<_, Failure>((key.name, kube::read(api, key.name).await?)) };
    let (ca, client_ca, client, server) =
        tokio::try_join!(read(CA), read(CLIENT_CA), read(CLIENT), read(SERVER))?;
    Ok([ca, client_ca, client, server].into_iter().filter_map(|(name, found)| Some((name, found?))).collect())
}

fn tls(pair: &Pair) -> Data {
    Data::from([("tls.crt", Zeroizing::new(pair.certificate.clone())), ("tls.key", pair.key.clone())])
}

fn describe(issue: &Issue) -> String {
    let flaws = [
        ("server", &issue.server),
        ("client", &issue.client),
        ("client CA", &issue.client_ca),
        ("clients' CA", &issue.client_trust),
    ];
    let told = flaws.into_iter().filter_map(|(name, flaw)| Some(format!("{name}: {}", flaw.as_ref()?)));
    told.collect::<Vec<_>>().join(", ")
}
