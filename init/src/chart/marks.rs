//! Marks on Helm's revisions: which the gateway was ready with, and which is to be taken back.

use super::deploy::revisions;
use super::release::{Revision, refusable};
use crate::failure::Failure;
use crate::kube::within;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use openshell_contract::names::cluster;
use serde_json::json;

/// Remembers that the gateway was ready with `revision`.
pub async fn prove(client: &Client, namespace: &str, revision: u32) -> Result<(), Failure> {
    let api = &Api::namespaced(client.clone(), namespace);
    let found = revisions(api).await?.into_iter().find(|r| r.number == revision && !r.proven);
    match found {
        Some(revision) => mark(api, &revision, cluster::PROVEN_LABEL).await,
        None => Ok(()),
    }
}

/// Remembers that the gateway can't become ready with what is deployed, if it may be taken back: the next
/// [`super::ensure`] does so. Returns its number.
pub async fn refuse(client: &Client, namespace: &str) -> Result<Option<u32>, Failure> {
    let api = &Api::namespaced(client.clone(), namespace);
    let Some(revision) = refusable(revisions(api).await?) else { return Ok(None) };
    mark(api, &revision, cluster::REFUSED_LABEL).await?;
    Ok(Some(revision.number))
}

async fn mark(api: &Api<Secret>, revision: &Revision, label: &str) -> Result<(), Failure> {
    let patch = Patch::Merge(json!({"metadata": {"labels": {label: revision.number.to_string()}}}));
    within(api.patch_metadata(&revision.secret, &PatchParams::default(), &patch), || {
        format!("can't label the release Secret {}", revision.secret)
    })
    .await
    .map(drop)
}
