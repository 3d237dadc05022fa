//! Objects that the image brings along, applied by server-side apply.

use crate::failure::{Context, Failure};
use crate::kube::ApiContext;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Client, discovery};
use openshell_contract::names::{cluster, path};
use openshell_contract::reason::Reason;
use std::fs;
use std::path::{Path, PathBuf};

/// Applies every object in the image's manifests. Returns how many.
pub async fn apply(client: &Client) -> Result<usize, Failure> {
    let mut applied = 0;
    for file in files()? {
        let context = || format!("can't read {}", file.display());
        let text = fs::read_to_string(&file).failing(Reason::ImageIncomplete, context)?;
        let objects: Vec<DynamicObject> =
            serde_saphyr::from_multiple(&text).failing(Reason::ImageIncomplete, context)?;
        for object in &objects {
            apply_one(client, object, &file).await?;
        }
        applied += objects.len();
    }
    Ok(applied)
}

async fn apply_one(client: &Client, object: &DynamicObject, file: &Path) -> Result<(), Failure> {
    let name = object.metadata.name.clone().unwrap_or_default();
    let what = || format!("can't apply {name} of {}", file.display());
    let types = object.types.as_ref().ok_or_else(|| {
        Failure::new(Reason::ImageIncomplete, format!("{}: it has neither kind nor apiVersion", what()))
    })?;
    let kind = GroupVersionKind::try_from(types).failing(Reason::ImageIncomplete, what)?;
    let (resource, capabilities) = discovery::pinned_kind(client, &kind).await.on(what)?;
    let api: Api<DynamicObject> = match (capabilities.scope, &object.metadata.namespace) {
        (discovery::Scope::Namespaced, Some(namespace)) => {
            Api::namespaced_with(client.clone(), namespace, &resource)
        }
        (discovery::Scope::Namespaced, None) => {
            Api::namespaced_with(client.clone(), cluster::NAMESPACE, &resource)
        }
        (discovery::Scope::Cluster, _) => Api::all_with(client.clone(), &resource),
    };
    // What the image says of these objects holds: nobody else is meant to own their fields.
    let params = PatchParams::apply(cluster::FIELD_MANAGER).force();
    api.patch(&name, &params, &Patch::Apply(object)).await.map(drop).on(what)
}

fn files() -> Result<Vec<PathBuf>, Failure> {
    let dir = Path::new(path::BUNDLE).join("manifests");
    let context = || format!("can't list {}", dir.display());
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(&dir).failing(Reason::ImageIncomplete, context)? {
        let file = entry.failing(Reason::ImageIncomplete, context)?.path();
        if file.extension().is_some_and(|e| e == "yaml") {
            files.push(file);
        }
    }
    // By name, so that whoever makes the image can put a CRD before its objects.
    files.sort();
    Ok(files)
}
