//! Objects that the image brings along: there, whatever somebody does to them, and gone when a newer image
//! brings them no more.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_contract::condition::{Kind, Truth};
use openshell_contract::reason::Reason;
use openshell_contract::status::{BootKind, Phase, Status};
use openshell_e2e::gateway::cluster_image;
use openshell_e2e::{Gateway, Variant, docker, measured};
use std::fs;
use std::time::Instant;

/// Definition of a kind.
fn definition(kind: &str, plural: &str, scope: &str) -> String {
    format!(
        "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.e2e.openshell.ai}}
spec:
  group: e2e.openshell.ai
  scope: {scope}
  names: {{kind: {kind}, plural: {plural}, singular: {singular}}}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
",
        singular = kind.to_lowercase()
    )
}

/// Of a kind that is defined in a file that comes later.
const OBJECTS: &str = "
apiVersion: e2e.openshell.ai/v1
kind: Thing
metadata: {name: thing}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data: {key: from the image}
";
const CLAIM: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
";

/// An image with more manifests.
fn with_manifests(tag: &str, files: &[(&str, &str)]) -> Variant {
    let dir = tempfile::tempdir().unwrap();
    let manifests = dir.path().join("manifests");
    fs::create_dir(&manifests).unwrap();
    for (name, text) in files {
        fs::write(manifests.join(name), text).unwrap();
    }
    Variant::build(tag, "COPY manifests /opt/openshell/manifests", dir.path())
}

fn exists(gateway: &Gateway, what: &[&str]) -> bool {
    gateway.kubectl(&[&["get"], what].concat(), "").code == 0
}

fn content(gateway: &Gateway) -> String {
    gateway.kubectl(&["get", "configmap", "config", "-o", "jsonpath={.data.key}"], "").stdout
}

fn start(gateway: &Gateway, image: &str) {
    let _ = gateway.start_image(image, &[]).ok();
    let status = gateway.status().unwrap();
    assert_eq!(status.phase, Phase::Ready, "{:?}", status.problems);
}

#[test]
fn an_object_of_the_image_comes_back_and_is_pruned_when_it_leaves_the_image() {
    let used = definition("Thing", "things", "Namespaced");
    let unused = definition("Other", "others", "Cluster");
    let more = with_manifests(
        "more",
        &[("a.yaml", OBJECTS), ("b.yaml", CLAIM), ("z.yaml", &used), ("y.yaml", &unused)],
    );
    let gateway = Gateway::new("manifests");
    start(&gateway, more.name());
    for object in [&["thing", "thing"][..], &["configmap", "config"], &["pvc", "claim"]] {
        assert!(exists(&gateway, object), "{object:?} was not applied");
    }

    let begin = Instant::now();
    let _ = gateway.kubectl(&["delete", "thing", "thing"], "").ok();
    let edit = ["patch", "configmap", "config", "-p", r#"{"data": {"key": "edited"}}"#];
    let _ = gateway.kubectl(&edit, "").ok();
    gateway.wait("what was deleted and edited is as in the image", || {
        exists(&gateway, &["thing", "thing"]) && content(&gateway) == "from the image"
    });
    measured("objects of the image deleted and edited: as they were", begin);

    // Things of somebody else, which only the definition keeps.
    let mine = "apiVersion: e2e.openshell.ai/v1\nkind: Thing\nmetadata: {name: mine}\n";
    let _ = gateway.kubectl(&["create", "-f", "-"], mine).ok();
    start(&gateway, &cluster_image());
    assert!(!exists(&gateway, &["configmap", "config"]), "it left the image, and is still there");
    assert!(!exists(&gateway, &["thing", "thing"]), "it left the image, and is still there");
    assert!(!exists(&gateway, &["crd", "others.e2e.openshell.ai"]), "nobody uses it, and it is still there");
    for kept in [&["thing", "mine"][..], &["pvc", "claim"], &["crd", "sandboxes.agents.x-k8s.io"]] {
        assert!(exists(&gateway, kept), "{kept:?} is gone");
    }
    let status = gateway.status().unwrap();
    assert!(status.boot.is_some_and(|boot| boot != BootKind::First));
    for kept in ["things.e2e.openshell.ai", "claim"] {
        assert!(status.warnings.iter().any(|w| w.contains(kept)), "{kept}: {:?}", status.warnings);
    }

    // When nothing holds it any more, it goes as well.
    let _ = gateway.kubectl(&["delete", "thing", "mine"], "").ok();
    gateway.wait("the definition is pruned", || !exists(&gateway, &["crd", "things.e2e.openshell.ai"]));
    assert!(exists(&gateway, &["pvc", "claim"]), "a claim was deleted");
}

#[test]
fn the_controller_runs_and_the_device_plugin_follows_its_switch() {
    let gateway = Gateway::new("switch");
    let _ = gateway.start(&["--env", "GPU_ENABLED=true"]).ok();
    let system = |namespace: &str, args: &[&str]| gateway.kubectl(&[&["-n", namespace], args].concat(), "");
    let controller =
        ["get", "statefulset", "agent-sandbox-controller", "-o", "jsonpath={.status.readyReplicas}"];
    gateway.wait("the sandboxes' controller runs", || {
        system("agent-sandbox-system", &controller).stdout.trim() == "1"
    });
    let account = "--as=system:serviceaccount:agent-sandbox-system:agent-sandbox-controller";
    for (verb, what, allowed) in [
        ("update", "sandboxes.agents.x-k8s.io/finalizers", "yes"),
        ("create", "pods", "yes"),
        ("get", "secrets", "no"),
    ] {
        let told = gateway.kubectl(&["auth", "can-i", verb, what, account], "").stdout;
        assert_eq!(told.trim(), allowed, "{verb} {what}");
    }

    let plugin = || system("kube-system", &["get", "daemonset", "nvidia-device-plugin"]).code == 0;
    assert!(plugin(), "it is switched on");
    the_nodes_gpus_are_told(&gateway);
    // The volume remembers it.
    let _ = docker(&["rm", "-f", &gateway.object()]).ok();
    let _ = gateway.start(&[]).ok();
    assert!(plugin(), "it was switched on");
    let _ = gateway.start(&["--env", "GPU_ENABLED=false"]).ok();
    assert!(!plugin(), "it is switched off");
    let conditions = gateway.status().unwrap().conditions;
    assert!(conditions.iter().all(|c| c.kind != Kind::Gpu), "{conditions:?}");
}

/// No machine with a GPU is needed for that: what a device plugin makes kubelet say is written into the node.
fn the_nodes_gpus_are_told(gateway: &Gateway) {
    let status = gateway.status().unwrap();
    let condition = |status: &Status| status.conditions.iter().find(|c| c.kind == Kind::Gpu).cloned();
    let lacking = condition(&status).expect("a condition for what is switched on");
    assert_eq!((lacking.status, lacking.reason), (Truth::False, Some(Reason::GpuUnavailable)), "{lacking:?}");
    assert!(!lacking.remedy.is_empty());
    assert_eq!(status.phase, Phase::Ready, "a gateway without a GPU serves");

    let node = status.node.unwrap().name;
    let add =
        |list: &str| format!(r#"{{"op": "add", "path": "/status/{list}/nvidia.com~1gpu", "value": "2"}}"#);
    let patch = format!("[{}, {}]", add("capacity"), add("allocatable"));
    let patch = ["patch", "node", &node, "--subresource=status", "--type=json", "-p", &patch];
    let _ = gateway.kubectl(&patch, "").ok();
    let _ = gateway.exec(&["openshell-init", "look"]).ok();
    let there = condition(&gateway.status().unwrap()).unwrap();
    assert_eq!(there.status, Truth::True, "{there:?}");
}
