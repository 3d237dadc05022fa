//! What a person would apply by hand: the chart as the gateway runs it, and the gateway's own Secrets, so that
//! both serve the same certificate.

use crate::programs;
use openshell_contract::names::cluster;
use openshell_e2e::original::SECRETS;
use openshell_e2e::{Gateway, run};
use std::process::Command;

/// The image of the workload, which the node imports from an archive.
pub const VALUES: &str = include_str!("../shell/values.json");

/// The manifests, as one stream of YAML.
pub fn of(gateway: &Gateway) -> String {
    let mut documents = vec![format!(
        r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{}"}}}}"#,
        cluster::NAMESPACE
    )];
    documents.extend(SECRETS.map(|name| secret(gateway, name)));
    let chart = programs::root().join("helm/openshell");
    let mut helm = Command::new(programs::helm());
    helm.args(["template", "openshell"]).arg(chart).args([
        "--namespace",
        cluster::NAMESPACE,
        "--values",
        "-",
    ]);
    documents.push(run(&mut helm, VALUES).ok());
    documents.join("\n---\n")
}

/// A Secret without what only its own cluster knows.
fn secret(gateway: &Gateway, name: &str) -> String {
    let text = gateway.kubectl(&["get", "secret", name, "-o", "json"], "").ok();
    let mut object: serde_json::Value = serde_json::from_str(&text).expect("JSON from kubectl");
    for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "ownerReferences"] {
        object["metadata"].as_object_mut().expect("metadata").remove(field);
    }
    object.to_string()
}
