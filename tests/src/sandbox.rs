//! A sandbox: a pod that got the SSH secret as a literal value when it was created, as the real server
//! makes them. Only while the Secret keeps that value can the gateway shake hands with it.

use crate::Gateway;
use serde_json::{Value, json};

const NAME: &str = "sandbox-1";

/// Creates the sandbox and waits until it runs.
///
/// # Panics
/// It does not.
#[track_caller]
pub fn create(gateway: &Gateway) {
    let encoded = gateway.kubectl(
        &["get", "secret", "openshell-ssh-handshake", "-o", "go-template={{.data.secret | base64decode}}"],
        "",
    );
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "labels": {"openshell.ai/managed-by": "openshell"}},
        "spec": {"containers": [{
            "name": "sandbox",
            "image": "openshell-test/sandbox:dev",
            "imagePullPolicy": "IfNotPresent",
            "env": [{"name": "OPENSHELL_SSH_HANDSHAKE_SECRET", "value": encoded.ok()}],
        }]},
    });
    // Not `apply`, which would put the value into an annotation.
    let _ = gateway.kubectl(&["create", "-f", "-"], &pod.to_string()).ok();
    gateway.wait("the sandbox runs", || address(gateway).is_some());
}

/// Waits until the gateway can shake hands with the sandbox.
///
/// # Panics
/// It can't within the patience of the tests, or the sandbox was created anew.
#[track_caller]
pub fn shake_hands(gateway: &Gateway) {
    gateway.wait("the gateway and the sandbox shake hands", || {
        let Some(address) = address(gateway) else { return false };
        let target = format!("{address}:2222");
        gateway.kubectl(&["exec", "openshell-0", "--", "/openshell-server", "handshake", &target], "").code
            == 0
    });
}

/// The sandbox's identity: the same as long as nobody created it anew.
///
/// # Panics
/// There is no sandbox.
#[must_use]
#[track_caller]
pub fn uid(gateway: &Gateway) -> String {
    gateway.kubectl(&["get", "pod", NAME, "-o", "jsonpath={.metadata.uid}"], "").ok()
}

/// Whether kubelet has ended it because the node was short of something. Nobody but who made it makes it anew.
#[must_use]
pub fn is_evicted(gateway: &Gateway) -> bool {
    gateway.kubectl(&["get", "pod", NAME, "-o", "jsonpath={.status.reason}"], "").stdout == "Evicted"
}

/// Removes it.
///
/// # Panics
/// The API refuses.
#[track_caller]
pub fn remove(gateway: &Gateway) {
    let _ = gateway.kubectl(&["delete", "pod", NAME], "").ok();
}

/// Address of the sandbox while its container runs.
#[must_use]
pub fn address(gateway: &Gateway) -> Option<String> {
    let pod = gateway.kubectl(&["get", "pod", NAME, "-o", "json"], "");
    let pod: Value = serde_json::from_str(&pod.stdout).ok()?;
    let running = pod["status"]["containerStatuses"][0]["state"]["running"].is_object();
    running.then(|| pod["status"]["podIP"].as_str().map(str::to_owned))?
}
