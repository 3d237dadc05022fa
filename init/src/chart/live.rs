//! Whether the release's objects are there. Helm's record tells what was deployed, and not what somebody has
//! deleted since; Helm itself makes what is missing again when it deploys the same once more.

use crate::failure::Failure;
use crate::kube::within;
use futures_util::future::try_join_all;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use openshell_contract::names::cluster;
use serde_json::Value;

/// An object that the chart renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Object {
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    scope: Scope,
    /// What its name has after the release's.
    suffix: &'static str,
    /// The value that turns it off when it is false (JSON pointer, RFC 6901).
    switch: Option<&'static str>,
}

/// Where an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Release,
    /// Where sandboxes live: [`cluster::NAMESPACE`] if no value says otherwise, by the chart's own values.
    Sandboxes,
    Cluster,
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// Of the chart in `helm/openshell`, each in version `v1` of its group.
const OBJECTS: [Object; 8] = [
    object("apps", "StatefulSet", "statefulsets", "", Scope::Release),
    object("", "Service", "services", "", Scope::Release),
    object(RBAC, "Role", "roles", "-sandbox", Scope::Sandboxes),
    object(RBAC, "RoleBinding", "rolebindings", "-sandbox", Scope::Sandboxes),
    object(RBAC, "ClusterRole", "clusterroles", "-node-reader", Scope::Cluster),
    object(RBAC, "ClusterRoleBinding", "clusterrolebindings", "-node-reader", Scope::Cluster),
    Object {
        switch: Some("/serviceAccount/create"),
        ..object("", "ServiceAccount", "serviceaccounts", "", Scope::Release)
    },
    Object {
        switch: Some("/networkPolicy/enabled"),
        ..object("networking.k8s.io", "NetworkPolicy", "networkpolicies", "-sandbox-ssh", Scope::Sandboxes)
    },
];

const fn object(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    suffix: &'static str,
    scope: Scope,
) -> Object {
    Object { group, kind, plural, scope, suffix, switch: None }
}

/// Names the first object that `values` ask for and that is not there.
pub async fn missing(client: &Client, namespace: &str, values: &Value) -> Result<Option<String>, Failure> {
    let look = async |object: Object| {
        let kind = GroupVersionKind::gvk(object.group, "v1", object.kind);
        let kind = ApiResource::from_gvk_with_plural(&kind, object.plural);
        let sandboxes = values.pointer("/server/sandboxNamespace").and_then(Value::as_str);
        let api: Api<DynamicObject> = match object.scope {
            Scope::Release => Api::namespaced_with(client.clone(), namespace, &kind),
            Scope::Sandboxes => {
                Api::namespaced_with(client.clone(), sandboxes.unwrap_or(cluster::NAMESPACE), &kind)
            }
            Scope::Cluster => Api::all_with(client.clone(), &kind),
        };
        let name = format!("{}{}", cluster::RELEASE, object.suffix);
        let found = within(api.get_metadata_opt(&name), || format!("can't look for {} {name}", object.kind));
        Ok(found.await?.is_none().then(|| format!("{} {name}", object.kind)))
    };
    Ok(try_join_all(expected(values).map(look)).await?.into_iter().flatten().next())
}

/// What is to be there with these values. With names of somebody's own, nobody here knows.
fn expected(values: &Value) -> impl Iterator<Item = Object> {
    let renamed = ["/fullnameOverride", "/nameOverride", "/serviceAccount/name"]
        .iter()
        .any(|name| values.pointer(name).and_then(Value::as_str).is_some_and(|name| !name.is_empty()));
    let is_on =
        |object: &Object| object.switch.and_then(|at| values.pointer(at)) != Some(&Value::Bool(false));
    OBJECTS.into_iter().filter(move |object| !renamed && is_on(object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kinds(values: &Value) -> Vec<&'static str> {
        expected(values).map(|object| object.kind).collect()
    }

    #[test]
    fn they_are_those_of_the_chart() {
        let templates = concat!(env!("CARGO_MANIFEST_DIR"), "/../helm/openshell/templates");
        let mut rendered = Vec::new();
        for file in std::fs::read_dir(templates).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            rendered.extend(text.lines().filter_map(|line| line.strip_prefix("kind: ").map(str::to_owned)));
        }
        let mut known = kinds(&json!({}));
        rendered.sort();
        known.sort_unstable();
        assert_eq!(rendered, known);
    }

    #[test]
    fn what_the_values_turn_off_is_not_missed() {
        let off = json!({"networkPolicy": {"enabled": false}, "serviceAccount": {"create": false}});
        let kinds = kinds(&off);
        assert_eq!(kinds.len(), OBJECTS.len() - 2);
        assert!(!kinds.contains(&"NetworkPolicy") && !kinds.contains(&"ServiceAccount"));
        assert_eq!(expected(&json!({"fullnameOverride": "x"})).count(), 0);
        assert_eq!(expected(&json!({"fullnameOverride": ""})).count(), OBJECTS.len());
    }
}
