//! What was applied, kept in the cluster itself: a volume that is restored from a backup has the objects of
//! then, and the inventory of then.

use super::plan::Entry;
use crate::failure::{Context, Failure};
use crate::kube::within;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use serde_json::json;
use std::collections::BTreeSet;

/// The `ConfigMap` that holds it.
const NAME: &str = "openshell-inventory";
/// Its key.
const KEY: &str = "objects";

/// Reads it. Without one nothing was applied yet.
pub async fn read(client: &Client) -> Result<BTreeSet<Entry>, Failure> {
    let map = within(api(client).get_opt(NAME), || format!("can't read ConfigMap {NAME}")).await?;
    let Some(text) = map.and_then(|map| map.data?.remove(KEY)) else { return Ok(BTreeSet::new()) };
    // Taken for empty it would be overwritten, and what it names never be pruned.
    serde_json::from_str(&text).failing(Reason::ApiRequest, || {
        format!("ConfigMap {NAME} was damaged; delete it, and objects of older images stay")
    })
}

/// Writes it.
pub async fn write(client: &Client, entries: &BTreeSet<Entry>) -> Result<(), Failure> {
    let context = || format!("can't write ConfigMap {NAME}");
    let text = serde_json::to_string(entries).failing(Reason::ApiRequest, context)?;
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "labels": {cluster::MANAGED_BY_LABEL: cluster::FIELD_MANAGER}},
        "data": {KEY: text},
    });
    let params = PatchParams::apply(cluster::FIELD_MANAGER).force();
    within(api(client).patch(NAME, &params, &Patch::Apply(map)), context).await.map(drop)
}

fn api(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), cluster::NAMESPACE)
}
