//! Server-side apply (Kubernetes "Server-Side Apply").

use super::bundle::Bundled;
use super::kinds::Kinds;
use super::plan::Entry;
use crate::failure::{Context, Failure};
use crate::kube::within;
use futures_util::{StreamExt, TryStreamExt, stream};
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::discovery::Scope;
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often a new kind is looked at until it is served, and for how long.
const POLL: Duration = Duration::from_millis(50);
const ESTABLISHING: Duration = Duration::from_secs(20);

/// How many are applied at once: each takes a connection, which is kept.
const AT_ONCE: usize = 3;

/// Applies objects, and remembers the kinds that it has asked for.
pub struct Applier<'a> {
    client: &'a Client,
    kinds: Kinds,
}

impl<'a> Applier<'a> {
    /// One that knows these kinds.
    pub fn new(client: &'a Client, kinds: Kinds) -> Self {
        Self { client, kinds }
    }

    /// The kinds that it knows now.
    pub fn into_kinds(self) -> Kinds {
        self.kinds
    }

    /// Applies objects that don't need each other, a few at once. A definition is waited for until its kind is
    /// served.
    pub async fn apply(&mut self, objects: &[&Bundled]) -> Result<(), Failure> {
        let mut found = Vec::new();
        for bundled in objects {
            let Bundled { entry, file, .. } = *bundled;
            let api = self.api(entry).await?.ok_or_else(|| {
                let message = format!("can't apply {entry} of {file}: the API has no such kind");
                Failure::new(Reason::ApiRequest, message)
            })?;
            found.push(apply(api, bundled));
        }
        stream::iter(found).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Asks for the kinds of these, which is quicker for all of them at once.
    pub async fn learn(&mut self, entries: &BTreeSet<Entry>) -> Result<(), Failure> {
        self.kinds.learn(self.client, entries).await
    }

    /// The API of an object's kind, if there is one.
    pub async fn api(&mut self, entry: &Entry) -> Result<Option<Api<DynamicObject>>, Failure> {
        let namespace = entry.namespace.as_deref().unwrap_or(cluster::NAMESPACE);
        Ok(self.kinds.of(self.client, entry).await?.map(|(resource, scope)| match scope {
            Scope::Namespaced => Api::namespaced_with(self.client.clone(), namespace, resource),
            Scope::Cluster => Api::all_with(self.client.clone(), resource),
        }))
    }

    /// The API of a kind in all namespaces, if there is one.
    pub async fn everywhere(&mut self, entry: &Entry) -> Result<Option<Api<DynamicObject>>, Failure> {
        let kind = self.kinds.of(self.client, entry).await?;
        Ok(kind.map(|(resource, _)| Api::all_with(self.client.clone(), resource)))
    }
}

async fn apply(api: Api<DynamicObject>, bundled: &Bundled) -> Result<(), Failure> {
    let Bundled { entry, object, file } = bundled;
    let what = || format!("can't apply {entry} of {file}");
    // What the image says of these objects holds: nobody else is meant to own their fields.
    let params = PatchParams::apply(cluster::FIELD_MANAGER).force();
    let patch = Patch::Apply(object);
    if !entry.is_definition() {
        return within(api.patch_metadata(&entry.name, &params, &patch), what).await.map(drop);
    }
    let mut applied = within(api.patch(&entry.name, &params, &patch), what).await?;
    let served = async {
        while !is_established(&applied) {
            tokio::time::sleep(POLL).await;
            applied = within(api.get(&entry.name), what).await?;
        }
        Ok(())
    };
    tokio::time::timeout(ESTABLISHING, served)
        .await
        .failing(Reason::ApiRequest, || format!("{entry} of {file} is not served"))?
}

/// Kubernetes "Custom Resources", condition `Established`.
fn is_established(definition: &DynamicObject) -> bool {
    let conditions = definition.data["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Established" && c["status"] == "True"))
}
