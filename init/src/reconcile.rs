//! One pass over everything in the cluster that is ours. Each pass may be cut at any point, and doing it
//! again changes nothing when all is as it should be.

use crate::board::Board;
use crate::chart::{self, Inputs};
use crate::failure::Failure;
use crate::kube::ApiContext;
use crate::manifests;
use crate::pki::{self, ClientBundle, Outcome};
use crate::ssh;
use crate::stage::Stage;
use ::kube::Client;
use ::kube::api::{Api, PostParams};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use openshell_contract::settings::Settings;
use openshell_contract::status::{Chart, Phase};
use openshell_pid1::Broker;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use time::OffsetDateTime;
use tokio::sync::watch;

/// Names and addresses that the gateway's certificate always lists: its Service, the loopback, and the
/// host as pods know it.
const NAMES: [&str; 6] = [
    "openshell",
    "openshell.openshell.svc",
    "openshell.openshell.svc.cluster.local",
    "localhost",
    "host.docker.internal",
    "127.0.0.1",
];

/// What a pass works with.
pub struct Reconciler {
    /// The cluster.
    pub client: Client,
    /// Where it tells how it does.
    pub board: Board,
    /// Who runs Helm.
    pub broker: Broker,
    /// What the gateway is asked to be.
    pub settings: Settings,
    /// The host's address as pods know it.
    pub host_gateway: Ipv4Addr,
    /// Where clients get their certificates from.
    pub bundle: watch::Sender<Option<ClientBundle>>,
}

impl Reconciler {
    /// Runs one pass. Returns the certificates that the gateway serves with, unless it serves plaintext.
    pub async fn pass(&self) -> Result<Option<Outcome>, Failure> {
        let board = &self.board;
        board.run(Stage::Namespace, self.namespace()).await?;
        let (fingerprint, pki, ()) = tokio::try_join!(
            board.run(Stage::Ssh, self.ssh()),
            board.run(Stage::Pki, self.pki()),
            board.run(Stage::Manifests, self.manifests()),
        )?;
        board.run(Stage::Chart, self.chart(&fingerprint, pki.as_ref())).await?;
        Ok(pki)
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), cluster::NAMESPACE)
    }

    async fn namespace(&self) -> Result<(), Failure> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let name = cluster::NAMESPACE;
        let found = api.get_opt(name).await.on(|| format!("can't read Namespace {name}"))?;
        let done = if found.is_none() {
            let mut namespace = Namespace::default();
            namespace.metadata.name = Some(name.to_owned());
            namespace.metadata.labels = Some(BTreeMap::from([(
                cluster::MANAGED_BY_LABEL.to_owned(),
                cluster::FIELD_MANAGER.to_owned(),
            )]));
            match api.create(&PostParams::default(), &namespace).await {
                // Somebody made it in between, which is all that was wanted.
                Err(e) if crate::kube::is_conflict(&e) => {}
                other => drop(other.on(|| format!("can't create Namespace {name}"))?),
            }
            "created"
        } else {
            "kept"
        };
        self.board.detail(Stage::Namespace, done);
        Ok(())
    }

    async fn ssh(&self) -> Result<String, Failure> {
        let (fingerprint, done) = ssh::ensure(&self.secrets()).await?;
        self.board.detail(Stage::Ssh, done);
        self.board.update(|status| status.ssh_fingerprint = Some(fingerprint.clone()));
        Ok(fingerprint)
    }

    async fn pki(&self) -> Result<Option<Outcome>, Failure> {
        if self.settings.disable_tls {
            self.board.detail(Stage::Pki, "not needed: plaintext");
            return Ok(None);
        }
        let names: Vec<String> = NAMES
            .into_iter()
            .chain(self.settings.extra_sans.iter().map(String::as_str))
            .map(str::to_owned)
            .collect();
        let outcome = pki::reconcile(&self.secrets(), &names, OffsetDateTime::now_utc()).await?;
        if !outcome.renewable {
            self.board.warn(
                "the CA has no key (an original gateway made it): certificates can't be renewed under it",
            );
        }
        self.board.detail(Stage::Pki, outcome.done.clone());
        if outcome.changed && self.board.status().phase == Phase::Ready {
            // Said before the new certificates are: whoever sees them ready may rely on their being served.
            let message = format!("the gateway has to take up certificates that were {}", outcome.done);
            self.board.problem(Stage::Gateway, &Failure::new(Reason::GatewayNotReady, message));
            self.board.enter(Phase::Degraded);
        }
        self.board.update(|status| status.pki = Some(outcome.status.clone()));
        self.bundle.send_replace(Some(outcome.client.clone()));
        Ok(Some(outcome))
    }

    async fn manifests(&self) -> Result<(), Failure> {
        let applied = manifests::apply(&self.client).await?;
        self.board.detail(Stage::Manifests, format!("{applied} objects applied"));
        Ok(())
    }

    async fn chart(&self, fingerprint: &str, pki: Option<&Outcome>) -> Result<(), Failure> {
        let mut checksums = pki.map(|p| p.checksums.clone()).unwrap_or_default();
        checksums.insert("ssh-handshake", fingerprint.to_owned());
        let inputs = Inputs { host_gateway: Some(self.host_gateway), checksums: &checksums };
        let values = chart::values(&self.settings, &inputs);
        let deployed = chart::ensure(&self.secrets(), &self.broker, &values).await?;
        self.board.detail(Stage::Chart, format!("revision {}, {}", deployed.revision, deployed.done));
        self.board.update(|status| {
            status.chart =
                Some(Chart { revision: deployed.revision, digest: deployed.digest, image: values.image() });
        });
        Ok(())
    }
}
