//! Who holds a copy of the secret: Sandbox objects and their pods, which the server gave it as the literal
//! value of an environment variable.

use super::value::Value;
use crate::failure::Failure;
use crate::kube::{is_missing, within};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The variable that the server sets.
const VARIABLE: &str = "OPENSHELL_SSH_HANDSHAKE_SECRET";

/// A sandbox that holds a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub name: String,
    /// When it was created, in the API's form (RFC 3339, UTC), which sorts as text.
    pub since: String,
    /// What it holds; `None` for what can't be a value.
    pub value: Option<Value>,
}

/// Lists the holders in `namespace`, each once.
pub async fn list(client: &Client, namespace: &str) -> Result<Vec<Holder>, Failure> {
    let sandboxes = resource("agents.x-k8s.io", "v1alpha1", "Sandbox", "sandboxes");
    let pods = resource("", "v1", "Pod", "pods");
    let (sandboxes, pods) =
        tokio::try_join!(list_kind(client, namespace, &sandboxes), list_kind(client, namespace, &pods))?;
    // A pod has its sandbox's name; the sandbox is what pods are made from, so it has the last word.
    let by_name: BTreeMap<_, _> =
        pods.into_iter().chain(sandboxes).map(|holder| (holder.name.clone(), holder)).collect();
    Ok(by_name.into_values().collect())
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

async fn list_kind(client: &Client, namespace: &str, kind: &ApiResource) -> Result<Vec<Holder>, Failure> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, kind);
    let found = async {
        match api.list(&ListParams::default()).await {
            // The cluster does not know the kind (yet), so there is none.
            Err(e) if is_missing(&e) => Ok(Vec::new()),
            other => other.map(|list| list.items),
        }
    };
    let found = within(found, || format!("can't list {}", kind.plural)).await?;
    Ok(found.into_iter().filter_map(holder).collect())
}

fn holder(object: DynamicObject) -> Option<Holder> {
    let text = find(&object.data)?;
    let created = object.metadata.creation_timestamp.map(|time| time.0.to_string());
    Some(Holder {
        name: object.metadata.name?,
        since: created.unwrap_or_default(),
        value: Value::parse(text).ok(),
    })
}

/// The literal value of the variable, wherever in the object its containers are.
fn find(json: &Json) -> Option<&str> {
    match json {
        Json::Object(map) if map.get("name").is_some_and(|name| name == VARIABLE) => {
            map.get("value").and_then(Json::as_str)
        }
        Json::Object(map) => map.values().find_map(find),
        Json::Array(all) => all.iter().find_map(find),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_literal_values_are_copies() {
        let literal = json!({"spec": {"podTemplate": {"spec": {"containers": [
            {"name": "agent", "env": [{"name": "X", "value": "1"}, {"name": VARIABLE, "value": "v"}]},
        ]}}}});
        assert_eq!(find(&literal), Some("v"));
        // The gateway's own pod.
        let reference = json!({"spec": {"containers": [{"env": [
            {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "s", "key": "secret"}}},
        ]}]}});
        assert_eq!(find(&reference), None);
    }
}
