//! Volumes that no node reaches any more. They are told of, and left: they hold data.

use super::view::{NodeView, VolumeView, labels};
use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};
use std::collections::BTreeMap;

/// Names of volumes whose node affinity fits none of `nodes`.
pub fn orphans(volumes: &[VolumeView], nodes: &[NodeView]) -> Vec<String> {
    let nodes: Vec<_> = nodes.iter().map(labels).collect();
    let unreachable = |volume: &&VolumeView| {
        volume.spec.required().is_some_and(|required| {
            !nodes.iter().any(|labels| required.node_selector_terms.iter().any(|term| fits(term, labels)))
        })
    };
    volumes.iter().filter(unreachable).filter_map(|volume| volume.metadata.name.clone()).collect()
}

/// Whether a node has what all requirements of a term ask for. What is not understood counts as met: a
/// volume is called an orphan only where that is certain.
fn fits(term: &NodeSelectorTerm, labels: &BTreeMap<String, String>) -> bool {
    term.match_expressions.iter().flatten().all(|requirement| is_met(requirement, labels))
}

/// Kubernetes "Assigning Pods to Nodes", operators.
fn is_met(requirement: &NodeSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&requirement.key);
    let listed = || value.is_some_and(|value| requirement.values.iter().flatten().any(|v| v == value));
    match requirement.operator.as_str() {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn volume(name: &str, expressions: &Value) -> VolumeView {
        let mut volume = json!({"metadata": {"name": name}, "spec": {}});
        if !expressions.is_null() {
            volume["spec"]["nodeAffinity"] =
                json!({"required": {"nodeSelectorTerms": [{"matchExpressions": expressions}]}});
        }
        serde_json::from_value(volume).unwrap()
    }

    fn on(host: &str) -> Value {
        json!([{"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}])
    }

    #[test]
    fn only_a_volume_that_no_node_can_reach_is_an_orphan() {
        let nodes: Vec<NodeView> = serde_json::from_value(json!([
            {"metadata": {"name": "renamed", "labels": {"kubernetes.io/hostname": "first"}}, "spec": {}},
        ]))
        .unwrap();
        let volumes = [
            volume("here", &on("first")),
            volume("gone", &on("0123456789ab")),
            volume("anywhere", &Value::Null),
            volume("newer", &json!([{"key": "generation", "operator": "Gt", "values": ["3"]}])),
            volume(
                "not here",
                &json!([{"key": "kubernetes.io/hostname", "operator": "Exists"},
                                      {"key": "gpu", "operator": "Exists"}]),
            ),
            volume("no gpu", &json!([{"key": "gpu", "operator": "DoesNotExist"}])),
            volume(
                "elsewhere",
                &json!([{"key": "kubernetes.io/hostname", "operator": "NotIn",
                                        "values": ["first"]}]),
            ),
        ];
        assert_eq!(orphans(&volumes, &nodes), ["gone", "not here", "elsewhere"]);
        assert_eq!(orphans(&volumes[..1], &[]), ["here"]);
    }
}
