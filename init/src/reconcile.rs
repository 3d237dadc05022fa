//! One pass over everything in the cluster that is ours. Each pass may be cut at any point, and doing it
//! again changes nothing when all is as it should be.

use crate::board::Board;
use crate::chart::{self, Inputs};
use crate::defect::Pulse;
use crate::failure::Failure;
use crate::gateway;
use crate::looks::Looks;
use crate::manifests;
use crate::node::host;
use crate::node::route::{self, Uplink};
use crate::nodes::Nodes;
use crate::pki::{ClientBundle, Outcome, Request};
use crate::secrets::Secrets;
use crate::stage::Stage;
use crate::volume::written;
use crate::warnings::About;
use ::kube::Client;
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use openshell_contract::settings::Settings;
use openshell_contract::status::{Chart, Phase};
use openshell_pid1::Broker;
use tokio::sync::{Mutex, Notify, watch};
use tracing::info;

/// What a pass works with.
pub struct Reconciler {
    /// The cluster.
    pub client: Client,
    /// What nobody can give back.
    pub secrets: Secrets,
    /// The cluster's nodes.
    pub nodes: Nodes,
    /// What the image brings along.
    pub manifests: Mutex<manifests::Keeper>,
    /// Where it tells how it does.
    pub board: Board,
    /// Who runs Helm.
    pub broker: Broker,
    /// What the gateway is asked to be.
    pub settings: Settings,
    /// How the container reached the world when it started.
    pub uplink: Uplink,
    /// Where clients get their certificates from.
    pub bundle: watch::Sender<Option<ClientBundle>>,
    /// Calls for another pass.
    pub changed: Notify,
    /// Who waits for a pass that begins after they asked.
    pub looks: Looks,
    /// The process's time.
    pub pulse: Pulse,
}

/// What a person may ask to be made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The leaves.
    Leaves,
    /// The CA.
    Ca,
    /// The SSH secret.
    Ssh {
        /// Whether it is clear what that breaks.
        sure: bool,
    },
}

impl Reconciler {
    /// Runs one pass. Returns the certificates that the gateway serves with, unless it serves plaintext.
    pub async fn pass(&self) -> Result<Option<Outcome>, Failure> {
        let board = &self.board;
        board.run(Stage::Namespace, self.namespace()).await?;
        // Each to its end: one that fails must not cut off the others, which don't depend on it.
        let (fingerprint, pki, manifests, nodes) = tokio::join!(
            board.run(Stage::Ssh, self.ssh()),
            board.run(Stage::Pki, self.pki()),
            board.run(Stage::Manifests, self.manifests()),
            board.run(Stage::Nodes, self.nodes()),
        );
        let (fingerprint, pki) = (fingerprint?, pki?);
        manifests?;
        nodes?;
        match board.run(Stage::Chart, self.chart(&fingerprint, pki.as_ref())).await {
            // That is told; what was before serves.
            Err(failure) if failure.reason == Reason::UpgradeRefused => Ok(pki),
            done => done.map(|()| pki),
        }
    }

    async fn namespace(&self) -> Result<(), Failure> {
        let done = self.secrets.namespace().await?;
        self.board.detail(Stage::Namespace, done);
        Ok(())
    }

    async fn ssh(&self) -> Result<String, Failure> {
        let board = &self.board;
        let ensured = self.secrets.ssh().await?;
        if ensured.restored {
            board.warn(About::SshRestored, [format!("the SSH secret was {}", ensured.done)]);
        }
        board.warn(
            About::Strangers,
            listed(
                "these sandboxes hold another SSH secret than the gateway and can't be reached until they are \
                 created anew",
                &ensured.strangers,
            ),
        );
        board.detail(Stage::Ssh, ensured.done);
        board.update(|status| status.ssh_fingerprint = Some(ensured.fingerprint.clone()));
        Ok(ensured.fingerprint)
    }

    async fn pki(&self) -> Result<Option<Outcome>, Failure> {
        let outcome = self.pki_as_asked(None).await?;
        if outcome.is_none() {
            self.board.detail(Stage::Pki, "not needed: plaintext");
        }
        Ok(outcome)
    }

    async fn pki_as_asked(&self, asked: Option<Request>) -> Result<Option<Outcome>, Failure> {
        let Some(outcome) = self.secrets.pki(asked).await? else { return Ok(None) };
        let board = &self.board;
        board.warn(About::Certificates, outcome.warning);
        board.detail(Stage::Pki, outcome.done.clone());
        if outcome.restored {
            board.warn(About::CertificatesRestored, [format!("certificates: {}", outcome.done)]);
        } else if outcome.changed && board.status().ready_after_ms.is_some() {
            info!("certificates: {}", outcome.done);
        }
        if outcome.changed && board.status().phase == Phase::Ready {
            // Said before the new certificates are: whoever sees them ready may rely on their being served.
            let message = format!("the gateway has to take up certificates: {}", outcome.done);
            board.problem(Stage::Gateway, &Failure::new(Reason::GatewayNotReady, message));
            board.enter(Phase::Degraded);
        }
        board.update(|status| status.pki = Some(outcome.status.clone()));
        self.bundle.send_replace(Some(outcome.client.clone()));
        Ok(Some(outcome))
    }

    /// Does what a person asked for, at once, and calls for a pass that takes it to the gateway. Returns
    /// what was done.
    pub async fn rotate(&self, what: Rotation) -> Result<String, Failure> {
        let asked = match what {
            Rotation::Leaves => Request::Leaves,
            Rotation::Ca => Request::Ca,
            Rotation::Ssh { sure } => return self.rotate_ssh(sure).await,
        };
        let outcome = self.pki_as_asked(Some(asked)).await?;
        self.changed.notify_one();
        // What is told as done is to outlive a power cut; k3s confirms a write before it is on disk. If it can't be
        // written out, that is told.
        written::out().await;
        let plaintext =
            || Failure::new(Reason::Pki, "the gateway serves plaintext: there are no certificates");
        Ok(format!("certificates: {}", outcome.ok_or_else(plaintext)?.done))
    }

    async fn rotate_ssh(&self, sure: bool) -> Result<String, Failure> {
        let holders = self.secrets.rotate_ssh(sure).await?;
        let names = if holders.is_empty() { "no sandbox".to_owned() } else { holders.join(", ") };
        if !sure {
            let message = format!(
                "a new SSH secret would cut off {names}; they would have to be created anew. Nothing was \
                 changed; `openshell-init rotate ssh --yes` does it"
            );
            return Err(Failure::new(Reason::SshSecretUnusable, message));
        }
        self.changed.notify_one();
        written::out().await;
        Ok(format!("SSH secret: new; cut off: {names}"))
    }

    /// Looks at everything at once, and waits until that is done. Returns how the gateway is then.
    pub async fn look(&self) -> Result<String, Failure> {
        let asked = self.looks.ask();
        self.changed.notify_one();
        self.looks.done(asked).await;
        let status = self.board.status();
        match status.problems.first() {
            None => Ok(status.summary()),
            Some(problem) => Err(Failure::new(problem.reason, problem.message.clone())),
        }
    }

    async fn manifests(&self) -> Result<(), Failure> {
        let applied = self.manifests.lock().await.apply(&self.client, self.settings.gpu).await?;
        let kept = |kept| format!("the image brings it no more, and it is kept: {kept}");
        self.board.warn(About::Kept, applied.kept.into_iter().map(kept));
        self.board.detail(Stage::Manifests, applied.done);
        Ok(())
    }

    async fn nodes(&self) -> Result<(), Failure> {
        let found = self.nodes.tidy().await?;
        self.board.warn(
            About::Orphans,
            listed("no node reaches these volumes any more, and their data is kept", &found.orphans),
        );
        self.board.detail(Stage::Nodes, found.done);
        Ok(())
    }

    async fn chart(&self, fingerprint: &str, pki: Option<&Outcome>) -> Result<(), Failure> {
        let mut checksums = pki.map(|p| p.checksums.clone()).unwrap_or_default();
        checksums.insert("ssh-handshake", fingerprint.to_owned());
        // While there is none, what was is the best that is known.
        let uplink = route::look()?.unwrap_or_else(|| self.uplink.clone());
        let inputs = Inputs { host_gateway: Some(host::address(&uplink)), checksums: &checksums };
        let values = chart::values(&self.settings, &inputs);
        let values = chart::overridden(&values, self.settings.chart_values.as_deref())?;
        // Once in each start, before anything is deployed.
        if self.board.status().chart.is_none() {
            let (release, plugin) =
                tokio::try_join!(chart::take_over(&self.client), chart::retire_plugin(&self.client))?;
            if release {
                info!("the release was the original's, and is ours now");
            }
            if plugin {
                info!("the original's device plugin for GPUs is taken away");
            }
        }
        let namespace = &self.secrets.namespace;
        let deployed =
            chart::ensure(&self.client, namespace, &self.broker, path::KUBECONFIG.as_ref(), &values).await?;
        let chart::Deployed { revision, digest, done, refused } = deployed;
        self.board.detail(Stage::Chart, format!("revision {revision}, {done}"));
        self.board.update(|status| {
            // What is wanted is not what runs when it was taken back.
            let before = status.chart.take().map(|chart| chart.image).unwrap_or_default();
            let image = if refused.is_some() { before } else { chart::image(&values) };
            status.chart = Some(Chart { revision, digest, image });
        });
        let Some(refused) = refused else { return Ok(()) };
        let message = format!(
            "the gateway could not become ready with revision {refused}, which has the present chart and values; \
             it runs with those before, as revision {revision}"
        );
        Err(Failure::new(Reason::UpgradeRefused, message))
    }

    /// Lets the next pass take back what the gateway can't become ready with, for `failure`, if there is something
    /// to go back to.
    pub async fn take_back(&self, failure: &Failure) -> Result<(), Failure> {
        let words = gateway::last_words(&self.client).await;
        let Some(revision) = chart::refuse(&self.client, &self.secrets.namespace).await? else {
            return Ok(());
        };
        let words = words.map(|words| format!("; its last lines: {words}")).unwrap_or_default();
        self.board.warn(
            About::TakenBack,
            [format!("revision {revision} of the chart is taken back: {}{words}", failure.message)],
        );
        Ok(())
    }

    /// Remembers that the gateway is ready with the revision that is deployed, unless it is `known`. Returns its
    /// number.
    pub async fn prove(&self, known: u32) -> Result<u32, Failure> {
        let Some(chart) = self.board.status().chart.filter(|chart| chart.revision != known) else {
            return Ok(known);
        };
        chart::prove(&self.client, &self.secrets.namespace, chart.revision).await?;
        Ok(chart.revision)
    }
}

/// A sentence about `names`, if there are any.
fn listed(what: &str, names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
}
