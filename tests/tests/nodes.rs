//! Nodes that come and go: only one that was ours and is gone is taken out, and a renamed node keeps what is
//! bound to it.

use openshell_contract::names::{cluster, host};
use openshell_contract::status::BootKind;
use openshell_e2e::gateway::cluster_image;
use openshell_e2e::snapshot::counters;
use openshell_e2e::{Gateway, docker, measured};
use serde_json::{Value, json};
use std::time::Instant;

fn create(gateway: &Gateway, object: &Value) {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or("openshell");
    let _ = gateway.kubectl(&["-n", namespace, "create", "-f", "-"], &object.to_string()).ok();
}

fn exists(gateway: &Gateway, what: &[&str]) -> bool {
    gateway.kubectl(&[&["get"], what].concat(), "").code == 0
}

fn node(name: &str, ours: bool) -> Value {
    let labels = if ours { json!({cluster::NODE_LABEL: "true"}) } else { json!({}) };
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})
}

/// What kubelet writes each ten seconds: the node controller calls a node `Unknown` without it.
fn heartbeat(gateway: &Gateway, node: &str) {
    let now = gateway.exec(&["date", "-u", "+%Y-%m-%dT%H:%M:%S.000000Z"]).ok();
    let renew = json!({"spec": {"renewTime": now.trim()}}).to_string();
    let _ = gateway.kubectl(&["-n", "kube-node-lease", "patch", "lease", node, "-p", &renew], "").ok();
    let ready = json!([{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "m",
        "lastHeartbeatTime": now.trim().replace(".000000", ""), "lastTransitionTime": null}]);
    let ready = json!({"status": {"conditions": ready}}).to_string();
    let _ = gateway.kubectl(&["patch", "node", node, "--subresource=status", "-p", &ready], "").ok();
}

fn lease(name: &str) -> Value {
    let spec = json!({"holderIdentity": name, "leaseDurationSeconds": 40});
    let metadata = json!({"name": name, "namespace": "kube-node-lease"});
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})
}

fn pod(name: &str, node: &str) -> Value {
    let containers = json!([{"name": "c", "image": "none"}]);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "finalizers": []},
        "spec": {"nodeName": node, "containers": containers}})
}

fn volume(name: &str, hostname: &str) -> Value {
    let term = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [hostname]});
    json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {
        "capacity": {"storage": "1Mi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/none"},
        "persistentVolumeReclaimPolicy": "Retain",
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}}}})
}

#[test]
fn only_a_node_that_was_ours_and_is_gone_is_removed_with_what_it_leaves() {
    let gateway = Gateway::new("stale");
    let _ = gateway.start(&[]).ok();
    let ours = gateway.status().unwrap().node.unwrap().name;
    let label = format!("{}=true", cluster::NODE_LABEL);
    gateway.wait("our node has its label, and nobody else", || {
        let labelled = gateway.kubectl(&["get", "nodes", "-l", &label, "-o", "name"], "").ok();
        labelled.trim() == format!("node/{ours}")
    });

    let password = "alive.node-password.k3s";
    create(&gateway, &lease("alive"));
    // Ready before it is ours: as ours it would be gone at once.
    create(&gateway, &node("alive", false));
    heartbeat(&gateway, "alive");
    let _ = gateway.kubectl(&["label", "node", "alive", &label], "").ok();
    create(
        &gateway,
        &json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": password, "namespace": "kube-system"}}),
    );
    create(&gateway, &pod("on-alive", "alive"));
    create(&gateway, &node("foreign", false));
    create(&gateway, &pod("on-foreign", "foreign"));
    create(&gateway, &volume("on-gone", "gone"));
    let password = "gone.node-password.k3s";
    create(
        &gateway,
        &json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": password, "namespace": "kube-system"}}),
    );
    create(&gateway, &lease("gone"));
    create(&gateway, &pod("on-gone", "gone"));
    let begin = Instant::now();
    create(&gateway, &node("gone", true));

    gateway.wait("the node that is gone is removed", || {
        heartbeat(&gateway, "alive");
        !exists(&gateway, &["node", "gone"])
    });
    measured("stale node: removed", begin);
    for left in [
        &["pod", "on-gone"][..],
        &["lease", "gone", "-n", "kube-node-lease"],
        &["secret", password, "-n", "kube-system"],
    ] {
        assert!(!exists(&gateway, left), "{left:?} is left");
    }
    for kept in [
        &["node", &ours][..],
        &["node", "alive"],
        &["pod", "on-alive"],
        &["lease", "alive", "-n", "kube-node-lease"],
        &["secret", "alive.node-password.k3s", "-n", "kube-system"],
        &["node", "foreign"],
        &["pod", "on-foreign"],
        &["pv", "on-gone"],
    ] {
        assert!(exists(&gateway, kept), "{kept:?} is gone");
    }
    gateway.wait("the orphaned volume is told of", || {
        gateway.status().is_some_and(|s| s.warnings.iter().any(|w| w.contains("on-gone")))
    });
    // From here on nobody renews its lease.
    gateway.wait("the other one is removed when it is gone too", || !exists(&gateway, &["node", "alive"]));
    assert!(exists(&gateway, &["node", "foreign"]), "a foreign node was removed");
}

#[test]
fn a_node_that_was_named_after_its_container_is_renamed_and_keeps_its_volumes() {
    let gateway = Gateway::new("renamed");
    let (object, image) = (gateway.object(), cluster_image());
    let labels = [
        format!("{}={}", host::MANAGED_BY_LABEL, host::MANAGED_BY),
        format!("{}={}", host::GATEWAY_LABEL, gateway.name),
    ];
    let _ = docker(&["volume", "create", "--label", &labels[0], "--label", &labels[1], &object]).ok();
    let mount = format!("{object}:/var/lib/rancher/k3s");
    let run = ["run", "-d", "--privileged", "--cgroupns=host", "--tmpfs=/run:exec", "-v", &mount];
    let _ = docker(&[&run[..], &["--name", &object, &image]].concat()).ok();
    gateway.wait_ready();
    let old = gateway.status().unwrap().node.unwrap().name;
    assert!(gateway.inspect("{{.Id}}").starts_with(&old), "{old} is no container id");
    let before = counters(&gateway, true);
    let claim = ["get", "pvc", "-o", "jsonpath={.items[0].metadata.uid} {.items[0].spec.volumeName}"];
    let claimed = gateway.kubectl(&claim, "").ok();

    // Without a name, a new container is the node that it was.
    let _ = docker(&["rm", "-f", &object]).ok();
    let _ = docker(&[&run[..], &["--name", &object, &image]].concat()).ok();
    gateway.wait_ready();
    assert_eq!(gateway.status().unwrap().node.unwrap().name, old);

    let _ = docker(&["rm", "-f", &object]).ok();
    let _ = gateway.start(&[]).ok();
    let status = gateway.status().unwrap();
    assert_eq!(status.boot, Some(BootKind::NodeRenamed));
    let new = status.node.unwrap().name;
    assert_ne!(new, old);
    let nodes = gateway.kubectl(&["get", "nodes", "-o", "name"], "").ok();
    assert_eq!(nodes.trim(), format!("node/{new}"), "the old node is left");
    let runs_on = gateway.kubectl(&["get", "pod", "openshell-0", "-o", "jsonpath={.spec.nodeName}"], "").ok();
    assert_eq!(runs_on, new);
    assert_eq!(gateway.kubectl(&claim, "").ok(), claimed, "the claim is another one");
    let after = counters(&gateway, false);
    assert!(after.counter >= before.counter && after.starts > before.starts, "{before:?} {after:?}");
    assert_eq!(gateway.grpc_health(true).ok().trim(), "SERVING");
    assert!(status.warnings.iter().all(|w| !w.contains("no node reaches")), "{:?}", status.warnings);
}
