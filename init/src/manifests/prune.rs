//! Takes an object away that left the image.

use super::apply::Applier;
use super::plan::{Entry, Guard};
use crate::failure::Failure;
use crate::kube::{delete, within};
use kube::api::{DeleteParams, DynamicObject, ListParams, Preconditions};
use openshell_contract::names::cluster;

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is gone, or was.
    Gone,
    /// It stays, and is still ours.
    Kept(&'static str),
    /// It is not ours any more.
    Disowned,
}

/// Deletes the object if it is still ours, and nothing is lost by it.
pub async fn prune(applier: &mut Applier<'_>, entry: &Entry) -> Result<Outcome, Failure> {
    let what = || format!("can't prune {entry}");
    let Some(api) = applier.api(entry).await? else { return Ok(Outcome::Gone) };
    let Some(object) = within(api.get_opt(&entry.name), what).await? else { return Ok(Outcome::Gone) };
    if object
        .metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(cluster::MANAGED_BY_LABEL))
        .map(String::as_str)
        != Some(cluster::FIELD_MANAGER)
    {
        return Ok(Outcome::Disowned);
    }
    match entry.guard() {
        Guard::Always => return Ok(Outcome::Kept("what is in it would be lost")),
        Guard::WhileUsed if is_used(applier, &object).await? => {
            return Ok(Outcome::Kept("there are objects of its kind"));
        }
        Guard::WhileUsed | Guard::None => {}
    }
    let only_this = Preconditions { uid: object.metadata.uid, ..Preconditions::default() };
    // What belongs to it goes as well (Kubernetes "Garbage Collection", background deletion).
    let how = DeleteParams::background().preconditions(only_this);
    delete(&api, &entry.name, &how, what).await.map(|()| Outcome::Gone)
}

/// Whether there are objects of the kind that `definition` defines.
async fn is_used(applier: &mut Applier<'_>, definition: &DynamicObject) -> Result<bool, Failure> {
    let spec = &definition.data["spec"];
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    for version in spec["versions"].as_array().into_iter().flatten().filter(|v| v["served"] == true) {
        let kind = Entry {
            api_version: format!("{}/{}", text(&spec["group"]), text(&version["name"])),
            kind: text(&spec["names"]["kind"]),
            namespace: None,
            name: String::new(),
        };
        let Some(api) = applier.everywhere(&kind).await? else { continue };
        let one = ListParams::default().limit(1);
        let found = within(api.list_metadata(&one), || format!("can't list objects of kind {}", kind.kind));
        if !found.await?.items.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
