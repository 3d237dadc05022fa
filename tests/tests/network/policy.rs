//! Who reaches a sandbox's SSH port.

use crate::names::inside;
use openshell_e2e::{Gateway, sandbox};
use serde_json::json;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a connection on one machine may take; what is dropped takes for ever.
const PATIENCE: Duration = Duration::from_millis(500);
const STRANGER: &str = "stranger";

#[test]
fn only_the_gateway_reaches_a_sandboxs_ssh_port() {
    let gateway = Gateway::new("policy");
    let _ = gateway.start(&[]).ok();
    sandbox::create(&gateway);
    stranger(&gateway);
    let target: SocketAddr = format!("{}:2222", sandbox::address(&gateway).unwrap()).parse().unwrap();
    let (ours, other) = (process(&gateway, "openshell-0"), process(&gateway, STRANGER));
    let reaches = |from| inside(from, || TcpStream::connect_timeout(&target, PATIENCE).is_ok());

    gateway.wait("a stranger is kept out", || !reaches(other));
    assert!(reaches(ours), "the gateway is kept out");
    sandbox::shake_hands(&gateway);

    // It is the policy that keeps it out. Process 1 makes it again, perhaps at once.
    gateway.wait("a stranger comes in without the policy", || {
        let _ = gateway.kubectl(&["delete", "networkpolicy", "openshell-sandbox-ssh"], "");
        reaches(other)
    });
    let _ = gateway.exec(&["openshell-init", "look"]).ok();
    gateway.wait("a stranger is kept out again", || !reaches(other));
    assert!(reaches(ours), "the gateway is kept out");
}

/// A pod beside the gateway's that is neither it nor a sandbox.
fn stranger(gateway: &Gateway) {
    let container = json!({"name": "c", "image": "openshell-test/sandbox:dev", "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "OPENSHELL_SSH_HANDSHAKE_SECRET", "value": "0".repeat(64)}]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": STRANGER},
        "spec": {"containers": [container]}});
    let _ = gateway.kubectl(&["create", "-f", "-"], &pod.to_string()).ok();
    let ready = ["wait", "--for=condition=Ready", "pod", STRANGER, "--timeout=60s"];
    let _ = gateway.kubectl(&ready, "").ok();
}

/// A process of a pod, as the host numbers it: the pod's name is in its control group.
fn process(gateway: &Gateway, pod: &str) -> u32 {
    let uid = gateway.kubectl(&["get", "pod", pod, "-o", "jsonpath={.metadata.uid}"], "").ok();
    let number = |entry: fs::DirEntry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        fs::read_to_string(entry.path().join("cgroup")).ok()?.contains(&uid).then_some(number)
    };
    let found = fs::read_dir("/proc").unwrap().flatten().find_map(number);
    found.unwrap_or_else(|| panic!("no process of {pod}"))
}
