//! A release that the original's k3s had deployed by a `HelmChart` object is ours after the next start, with
//! everything that holds data as it was.

use openshell_e2e::snapshot::counters;
use openshell_e2e::{Gateway, docker};
use serde_json::json;

const STAGED: [&str; 2] =
    ["server/manifests/openshell-helmchart.yaml", "server/static/charts/openshell-0.1.0.tgz"];
const NAME: [&str; 2] = ["helmchart", "openshell"];
const JOB: [&str; 2] = ["job", "helm-install-openshell"];
const BINDING: [&str; 2] = ["clusterrolebinding", "helm-kube-system-openshell"];

fn system(gateway: &Gateway, args: &[&str], input: &str) -> openshell_e2e::Output {
    gateway.kubectl(&[&["-n", "kube-system"], args].concat(), input)
}

/// Gives the cluster what the original's Helm controller leaves in it, with a job that is under way.
fn as_of_the_original(gateway: &Gateway) {
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let kind = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "helmcharts.helm.cattle.io"},
        "spec": {
            "group": "helm.cattle.io",
            "scope": "Namespaced",
            "names": {"kind": "HelmChart", "plural": "helmcharts", "singular": "helmchart"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}],
        },
    });
    let _ = gateway.kubectl(&["create", "-f", "-"], &kind.to_string()).ok();
    let established =
        ["wait", "--for=condition=Established", "crd/helmcharts.helm.cattle.io", "--timeout=30s"];
    let _ = gateway.kubectl(&established, "").ok();
    let chart = json!({
        "apiVersion": "helm.cattle.io/v1",
        "kind": "HelmChart",
        "metadata": {"name": "openshell", "finalizers": ["wrangler.cattle.io/on-helm-chart-remove"]},
        "spec": {"chart": "https://%{KUBERNETES_API}%/static/charts/openshell-0.1.0.tgz", "targetNamespace": "openshell"},
    });
    let container = json!({"name": "helm", "image": "openshell-e2e/none:none"});
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "helm-install-openshell"},
        "spec": {"template": {"spec": {"restartPolicy": "OnFailure", "containers": [container]}}},
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "helm-kube-system-openshell"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    });
    for object in [chart, job, binding] {
        let _ = system(gateway, &["create", "-f", "-"], &object.to_string()).ok();
    }
    let unmarked = ["label", "secret", "-l", "owner=helm", "openshell.ai/digest-", "openshell.ai/proven-"];
    let _ = gateway.kubectl(&unmarked, "").ok();
    for file in STAGED {
        let _ = gateway.exec(&["sh", "-c", &format!("echo > /var/lib/rancher/k3s/{file}")]).ok();
    }
}

/// What must be the same object afterwards.
fn identities(gateway: &Gateway) -> String {
    let uid = |what: &str| gateway.kubectl(&["get", what, "-o", "jsonpath={.metadata.uid}"], "").ok();
    format!("{} {}", uid("statefulset/openshell"), uid("pvc/openshell-data-openshell-0"))
}

#[test]
fn the_release_goes_on_and_nothing_is_left_that_could_deploy_or_uninstall_it() {
    let gateway = Gateway::new("takeover");
    let _ = gateway.start(&[]).ok();
    as_of_the_original(&gateway);
    let (identity, data) = (identities(&gateway), counters(&gateway, true));
    let before = gateway.status().unwrap().chart.unwrap().revision;

    let _ = docker(&["restart", &gateway.object()]).ok();
    gateway.wait_ready();
    for gone in [NAME, JOB, BINDING] {
        let found = system(&gateway, &["get", gone[0], gone[1]], "");
        assert!(found.code != 0 && found.stderr.contains("NotFound"), "{found:#?}");
    }
    for file in STAGED {
        assert_ne!(gateway.exec(&["test", "-e", &format!("/var/lib/rancher/k3s/{file}")]).code, 0, "{file}");
    }
    assert_eq!(identities(&gateway), identity);
    assert!(counters(&gateway, false).counter > data.counter - 1, "data was lost");
    assert_eq!(gateway.status().unwrap().chart.unwrap().revision, before + 1);

    // It is ours now: nothing is deployed again.
    let _ = docker(&["restart", &gateway.object()]).ok();
    gateway.wait_ready();
    assert_eq!(gateway.status().unwrap().chart.unwrap().revision, before + 1);
    assert_eq!(identities(&gateway), identity);
}
