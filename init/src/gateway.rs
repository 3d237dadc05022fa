//! Whether the gateway serves: its pod runs what the chart says, and its port answers with our
//! certificate.

mod containers;
mod failing;
mod last_words;
mod probe;
mod rollout;

use crate::board::Board;
use crate::failure::Failure;
use crate::nodes::Nodes;
use crate::pki::Outcome;
use crate::stage::Stage;
use failing::State;
use kube::Client;
use openshell_contract::condition::Kind;
use openshell_contract::reason::Reason;
use probe::Probe;
use std::time::Duration;
use tokio::time::Instant;

pub use failing::Failing;
pub use last_words::last_words;

/// How often the port is tried while it does not answer. A try is one connection on the loopback.
const POLL: Duration = Duration::from_millis(50);
/// The API is asked once in so many tries.
const TRIES_PER_LOOK: u32 = 5;

/// How long a pod may tell that it fails, from the first time on. Kubernetes tries a container five times and an
/// image four times within it.
const FAILING: Duration = Duration::from_mins(2);

/// Whose gateway is looked at.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Where it is told.
    pub board: &'a Board,
    /// The cluster.
    pub client: &'a Client,
    /// The node that it runs on.
    pub nodes: &'a Nodes,
}

impl Look<'_> {
    /// Waits until the gateway serves. Fails when its pod has told for long that it can't, which `failing` keeps over
    /// waits that are cut off, and when there is nothing that could make a pod.
    pub async fn wait(&self, pki: Option<&Outcome>, failing: &mut Failing) -> Result<(), Failure> {
        let probe = Probe::new(pki)?;
        let mut tries = 0_u32;
        let mut runs = Ok(());
        loop {
            if tries.is_multiple_of(TRIES_PER_LOOK) {
                let (seen, is_failing) = self.runs().await?;
                // No time brings it back: the chart has to be deployed again.
                if let Err(failure) = &seen
                    && failure.reason == Reason::ReleaseIncomplete
                {
                    return seen;
                }
                let revision = self.board.status().chart.map_or(0, |chart| chart.revision);
                let state = match &seen {
                    Ok(()) => State::Well,
                    Err(_) if is_failing => State::Failing,
                    Err(_) => State::Unclear,
                };
                if failing.note(revision, Instant::now(), state).is_some_and(|since| since >= FAILING) {
                    return seen;
                }
                runs = seen;
            }
            if runs.is_ok() && self.serves(&probe).await.is_ok() {
                self.board.detail(Stage::Gateway, "serving");
                return Ok(());
            }
            tries += 1;
            tokio::time::sleep(POLL).await;
        }
    }

    /// Looks once, for the steady loop.
    pub async fn check(&self, pki: Option<&Outcome>) -> Result<(), Failure> {
        self.runs().await?.0?;
        self.serves(&Probe::new(pki)?).await
    }

    /// Whether the node takes pods, and the gateway's runs as it should; and whether it tells what it fails by.
    async fn runs(&self) -> Result<(Result<(), Failure>, bool), Failure> {
        let (ours, rollout) = tokio::try_join!(self.nodes.ours(), rollout::look(self.client))?;
        let node = match &ours.unready {
            None => Ok(()),
            Some(why) => Err(Failure::new(Reason::NodeNotReady, format!("the node takes no pods: {why}"))),
        };
        let resources = if ours.pressures.is_empty() {
            Ok(())
        } else {
            let short = format!("the node is under {}", ours.pressures.join(", "));
            Err(Failure::new(Reason::NodePressure, short))
        };
        let gpus = match ours.gpus {
            0 => Err(Failure::new(Reason::GpuUnavailable, "the node has no nvidia.com/gpu for pods")),
            _ => Ok(()),
        };
        let workload =
            if rollout.current { Ok(()) } else { Err(Failure::new(rollout.reason, rollout.detail.clone())) };
        let detail = node.as_ref().err().map_or(rollout.detail, |failure| failure.message.clone());
        self.board.detail(Stage::Gateway, detail);
        for (kind, seen) in [
            (Kind::Node, &node),
            (Kind::Resources, &resources),
            (Kind::Gpu, &gpus),
            (Kind::Workload, &workload),
        ] {
            self.board.condition(kind, seen.as_ref().map(|()| String::new()));
        }
        let failing = node.is_ok() && rollout.failing;
        Ok((node.and(workload), failing))
    }

    async fn serves(&self, probe: &Probe) -> Result<(), Failure> {
        let answered = probe.answers().await;
        self.board.condition(Kind::Port, answered.as_ref().map(|()| String::new()));
        answered
    }
}
