//! What a gateway can't be without and nobody can give back: the namespace, the SSH secret and the
//! certificates. The same for process 1 and for `openshell-init reconcile`.

use crate::clock;
use crate::failure::Failure;
use crate::kube::{is_conflict, within};
use crate::pki::{self, Outcome, Request};
use crate::ssh::{self, Ensured};
use ::kube::Client;
use ::kube::api::{Api, PostParams};
use k8s_openapi::api::core::v1::Namespace;
use openshell_contract::names::cluster;
use openshell_contract::settings::Settings;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use tokio::sync::Mutex;

/// Keeps them in one namespace of a cluster.
pub struct Secrets {
    /// The cluster.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
    /// Names of the gateway; `None` if it serves plaintext.
    names: Option<Vec<String>>,
    // A pass and a rotation that was asked for take turns.
    ssh: Mutex<ssh::Keeper>,
    pki: Mutex<pki::Keeper>,
}

impl Secrets {
    /// Keeps those of a gateway with `settings`.
    pub fn new(client: Client, namespace: &str, settings: &Settings) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            names: (!settings.disable_tls).then(|| names(namespace, &settings.extra_sans)),
            ssh: Mutex::default(),
            pki: Mutex::default(),
        }
    }

    /// Makes sure that the namespace is there. Returns what was done.
    pub async fn namespace(&self) -> Result<&'static str, Failure> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let name = &self.namespace;
        if within(api.get_opt(name), || format!("can't read Namespace {name}")).await?.is_some() {
            return Ok("kept");
        }
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.clone());
        namespace.metadata.labels =
            Some(BTreeMap::from([(cluster::MANAGED_BY_LABEL.to_owned(), cluster::FIELD_MANAGER.to_owned())]));
        let create = async {
            match api.create(&PostParams::default(), &namespace).await {
                // Somebody made it in between, which is all that was wanted.
                Err(e) if is_conflict(&e) => Ok("kept"),
                other => other.map(|_| "created"),
            }
        };
        within(create, || format!("can't create Namespace {name}")).await
    }

    /// Makes sure that the SSH secret is there and usable.
    pub async fn ssh(&self) -> Result<Ensured, Failure> {
        self.ssh.lock().await.ensure(&self.client, &self.namespace).await
    }

    /// Puts a new SSH secret in place of the present one, if `sure`. Returns the sandboxes that are, or
    /// would be, cut off.
    pub async fn rotate_ssh(&self, sure: bool) -> Result<Vec<String>, Failure> {
        self.ssh.lock().await.rotate(&self.client, &self.namespace, sure).await
    }

    /// Makes sure that every certificate is there and verifies, and does what was `asked`. `None` in
    /// plaintext mode, which neither needs nor touches any.
    pub async fn pki(&self, asked: Option<Request>) -> Result<Option<Outcome>, Failure> {
        let Some(names) = &self.names else { return Ok(None) };
        let mut keeper = self.pki.lock().await;
        let now = OffsetDateTime::from(clock::now());
        keeper.ensure(&self.client, &self.namespace, names, now, asked).await.map(Some)
    }
}

/// Names and addresses that the gateway's certificate lists: its Service, the loopback, the host as pods
/// know it, and those that were asked for.
fn names(namespace: &str, extra: &[String]) -> Vec<String> {
    let service = cluster::RELEASE;
    let mut names = vec![
        service.to_owned(),
        format!("{service}.{namespace}.svc"),
        format!("{service}.{namespace}.svc.cluster.local"),
        "localhost".to_owned(),
        "host.docker.internal".to_owned(),
        "127.0.0.1".to_owned(),
    ];
    names.extend(extra.iter().cloned());
    names
}

#[cfg(test)]
mod tests;
