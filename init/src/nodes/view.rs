//! Nodes and volumes as they are read: the few fields that are looked at. A whole node lists every image
//! that it holds, and arrives at each change.

use super::decide::Seen;
use k8s_openapi::api::core::v1::{Node, NodeCondition, NodeSelector, PersistentVolume, VolumeNodeAffinity};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Client;
use kube::api::{Api, ApiResource, NotUsed, Object};
use openshell_contract::names::cluster;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A node.
pub type NodeView = Object<NotUsed, NodeStatus>;
/// A volume.
pub type VolumeView = Object<VolumeSpec, NotUsed>;

/// What is read of a node's status.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its conditions.
    #[serde(default)]
    pub conditions: Vec<NodeCondition>,
    /// What it has for pods.
    #[serde(default)]
    pub allocatable: BTreeMap<String, Quantity>,
}

/// What is read of a volume's specification.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSpec {
    /// The nodes that reach it.
    pub node_affinity: Option<VolumeNodeAffinity>,
}

impl VolumeSpec {
    /// The nodes that reach it; `None` if any does.
    pub fn required(&self) -> Option<&NodeSelector> {
        self.node_affinity.as_ref()?.required.as_ref()
    }
}

/// Nodes.
pub fn nodes(client: &Client) -> Api<NodeView> {
    Api::all_with(client.clone(), &ApiResource::erase::<Node>(&()))
}

/// Volumes.
pub fn volumes(client: &Client) -> Api<VolumeView> {
    Api::all_with(client.clone(), &ApiResource::erase::<PersistentVolume>(&()))
}

/// A node's labels.
pub fn labels(node: &NodeView) -> BTreeMap<String, String> {
    node.metadata.labels.clone().unwrap_or_default()
}

/// How many pieces a node has for pods of a resource that a device plugin tells kubelet of: whole numbers
/// (Kubernetes "Device Plugins").
pub fn pieces(node: &NodeView, resource: &str) -> u64 {
    let quantity = node.status.as_ref().and_then(|status| status.allocatable.get(resource));
    quantity.and_then(|quantity| quantity.0.parse().ok()).unwrap_or(0)
}

/// A node's condition `type_`.
pub fn condition<'a>(node: &'a NodeView, type_: &str) -> Option<&'a NodeCondition> {
    node.status.iter().flat_map(|status| &status.conditions).find(|condition| condition.type_ == type_)
}

/// Whether a node's condition `type_` is `True`.
pub fn is(node: &NodeView, type_: &str) -> bool {
    condition(node, type_).is_some_and(|condition| condition.status == "True")
}

impl From<&NodeView> for Seen {
    fn from(node: &NodeView) -> Self {
        Self {
            name: node.metadata.name.clone().unwrap_or_default(),
            uid: node.metadata.uid.clone().unwrap_or_default(),
            ready: is(node, "Ready"),
            labelled: labels(node).contains_key(cluster::NODE_LABEL),
        }
    }
}
