//! The cluster's nodes: ours, and those that were ours once.
//!
//! A container that is made anew under another name, as the original's first releases did, leaves a node
//! behind that never comes back, with pods that are never replaced.

mod decide;
mod kubelet;
mod remove;
mod view;
mod volumes;
mod watch;

use crate::failure::Failure;
use crate::kube::within;
use kube::Client;
use kube::api::{ListParams, Patch, PatchParams};
use openshell_contract::names::cluster;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::info;

pub use watch::watch;

/// What makes a node unfit for more pods (Kubernetes "Node Status").
const PRESSURES: [&str; 3] = ["DiskPressure", "MemoryPressure", "PIDPressure"];

/// What NVIDIA's device plugin calls a GPU.
const GPU: &str = "nvidia.com/gpu";

/// The nodes, and what is known of ours.
pub struct Nodes {
    client: Client,
    ours: String,
    recorded: BTreeSet<String>,
    /// Whether a node that was ours is left until something changes.
    waiting: AtomicBool,
}

/// What a look at the nodes found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// For the status.
    pub done: String,
    /// Volumes that no node reaches.
    pub orphans: Vec<String>,
}

/// How our own node is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ours {
    /// Why it takes no pods, if it doesn't.
    pub unready: Option<String>,
    /// What it runs short of.
    pub pressures: Vec<&'static str>,
    /// GPUs that it has for pods.
    pub gpus: u64,
}

impl Nodes {
    /// The nodes of a cluster in which ours is named `ours`, on a volume whose node had each of the names
    /// in `recorded` once.
    pub fn new(client: Client, ours: String, recorded: BTreeSet<String>) -> Self {
        Self { client, ours, recorded, waiting: AtomicBool::new(false) }
    }

    /// Looks at all of them, labels ours, and removes those that were ours and are gone.
    pub async fn tidy(&self) -> Result<Found, Failure> {
        let api = view::nodes(&self.client);
        let mut nodes = within(api.list(&ListParams::default()), || "can't list the nodes").await?.items;
        let seen: Vec<decide::Seen> = nodes.iter().map(decide::Seen::from).collect();
        if let Some(unmarked) = seen.iter().find(|node| node.name == self.ours && !node.labelled) {
            self.label(&unmarked.name).await?;
        }
        let verdict = decide::decide(&seen, &self.ours, &self.recorded);
        let mut done = Vec::new();
        for deletion in &verdict.delete {
            let pods = remove::remove(&self.client, deletion).await?;
            info!(pods, "removed node {}: it is not ready, and {}", deletion.node, deletion.reason);
            done.push(format!("removed {}", deletion.node));
            nodes.retain(|node| node.metadata.uid.as_ref() != Some(&deletion.uid));
        }
        self.waiting.store(!verdict.wait.is_empty(), Ordering::Relaxed);
        if !verdict.wait.is_empty() {
            done.push(format!("left while it may be alive: {}", verdict.wait.join(", ")));
        }
        let volumes = view::volumes(&self.client);
        let volumes = within(volumes.list(&ListParams::default()), || "can't list the volumes").await?;
        let ours = nodes.iter().any(|node| node.metadata.name.as_ref() == Some(&self.ours));
        Ok(Found {
            done: if done.is_empty() { "none".to_owned() } else { done.join(", ") },
            // Until ours is registered anew, its volumes only seem to be out of reach.
            orphans: if ours { volumes::orphans(&volumes.items, &nodes) } else { Vec::new() },
        })
    }

    /// Looks at our own. What the API tells of it may be from before k3s or the container was started again;
    /// that kubelet answers is of now.
    pub async fn ours(&self) -> Result<Ours, Failure> {
        let name = &self.ours;
        let api = view::nodes(&self.client);
        let node = within(api.get_opt(name), || format!("can't read node {name}")).await?;
        let unready = match unready(node.as_ref()) {
            None => kubelet::answers().await.err().map(|e| format!("kubelet does not answer: {e}")),
            told => told,
        };
        let under = |pressure: &&str| node.as_ref().is_some_and(|node| view::is(node, pressure));
        let gpus = node.as_ref().map_or(0, |node| view::pieces(node, GPU));
        Ok(Ours { unready, pressures: PRESSURES.into_iter().filter(under).collect(), gpus })
    }

    /// Labels our node, by which a later start knows it for one of ours.
    async fn label(&self, name: &str) -> Result<(), Failure> {
        let label = Patch::Merge(json!({"metadata": {"labels": {cluster::NODE_LABEL: "true"}}}));
        let params = PatchParams { field_manager: Some(cluster::FIELD_MANAGER.into()), ..Default::default() };
        let nodes = view::nodes(&self.client);
        within(nodes.patch_metadata(name, &params, &label), || format!("can't label node {name}"))
            .await
            .map(drop)
    }
}

fn unready(ours: Option<&view::NodeView>) -> Option<String> {
    let Some(node) = ours else { return Some("the node is not registered yet".to_owned()) };
    if view::is(node, "Ready") {
        return None;
    }
    let why = view::condition(node, "Ready").and_then(|condition| condition.message.clone());
    Some(why.unwrap_or_else(|| "kubelet has not reported yet".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn gpus_are_those_that_pods_may_have() {
        for (allocatable, gpus) in [
            (json!({"cpu": "2"}), 0),
            (json!({"nvidia.com/gpu": "0"}), 0),
            (json!({"nvidia.com/gpu": "8", "nvidia.com/gpu.shared": "9"}), 8),
            (json!({"nvidia.com/gpu": "many"}), 0),
        ] {
            let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {},
                "status": {"capacity": {"nvidia.com/gpu": "7"}, "allocatable": allocatable}});
            let node: view::NodeView = serde_json::from_value(node).unwrap();
            assert_eq!(view::pieces(&node, GPU), gpus, "{allocatable}");
        }
    }
}
