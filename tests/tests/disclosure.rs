//! Key material is in the Secrets and in the memory of those who need it, and nowhere else that anybody
//! looks: after everything that makes or moves keys has happened.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_e2e::client::secret_text;
use openshell_e2e::{Gateway, docker, run, sandbox};
use serde_json::Value;
use std::process::Command;

/// Those that are given the SSH secret in their environment, as the server's design has it. The kernel cuts
/// names at 15 characters (`proc_pid_comm(5)`).
const HOLDERS: [&str; 2] = ["openshell-serve", "openshell-sandb"];

#[test]
fn key_material_is_nowhere_but_in_the_secrets() {
    let since = now();
    let gateway = Gateway::new("disclosure");
    let _ = gateway.start(&[]).ok();
    sandbox::create(&gateway);
    let mut keys = material(&gateway);
    for what in [&["pki", "--ca"][..], &["pki", "--leaf"], &["ssh", "--yes"]] {
        let _ = gateway.exec(&[&["openshell-init", "rotate"], what].concat()).ok();
        gateway.wait_ready();
        keys.extend(material(&gateway));
    }
    let _ = docker(&["restart", &gateway.object()]).ok();
    gateway.wait_ready();
    let _ = docker(&["kill", "-s", "QUIT", &gateway.object()]).ok();
    let _ = gateway.exec(&["openshell-init", "status"]).ok();

    files_are_private(&gateway);
    let object = gateway.object();
    let log = docker(&["logs", &object]);
    let events = docker(&["events", "--since", &since, "--until", &now(), "--format", "{{json .}}"]).ok();
    assert!(events.contains(&object) && log.stdout.len() + log.stderr.len() > 1000, "nothing to look at");
    let places = [
        ("the log", log.stdout + &log.stderr),
        ("the status", gateway.exec(&["openshell-init", "status", "--json"]).ok()),
        ("the support bundle", gateway.bundle()),
        ("docker inspect", docker(&["inspect", &object]).ok()),
        ("docker events", events),
        ("annotations", annotations(&gateway)),
        ("events", gateway.kubectl(&["get", "events", "-A", "-o", "json"], "").ok()),
        ("Helm's release", helm(&gateway)),
        ("files of process 1", gateway.exec(&["sh", "-c", "cat /run/openshell/*.json"]).ok()),
        ("processes", processes(&gateway)),
    ];
    for (place, content) in places {
        assert!(content.len() > 20, "nothing to look at in {place}");
        for key in &keys {
            // Without the key in the message.
            assert!(!content.contains(&key.text), "{place} tells {}", key.of);
        }
    }
}

/// `docs/security.md` tells these.
fn files_are_private(gateway: &Gateway) {
    for (mode, file) in [
        ("700", "/run/openshell"),
        ("700", "/var/lib/rancher/k3s/openshell"),
        ("600", "/var/lib/rancher/k3s/openshell/config.json"),
        ("700", "/var/lib/rancher/k3s/openshell/copies"),
        ("600", "/etc/rancher/k3s/k3s.yaml"),
    ] {
        assert_eq!(gateway.exec(&["stat", "--format", "%a", file]).ok().trim(), mode, "{file}");
    }
}

/// A piece of a key that can't be anywhere by chance.
struct Key {
    of: String,
    text: String,
}

/// The pieces: each line of a private key, and the same as the API encodes it.
fn material(gateway: &Gateway) -> Vec<Key> {
    let mut keys = Vec::new();
    for (name, key) in [
        ("openshell-ca", "ca.key"),
        ("openshell-server-tls", "tls.key"),
        ("openshell-client-tls", "tls.key"),
        ("openshell-ssh-handshake", "secret"),
    ] {
        let text = secret_text(gateway, name, key);
        let encoded = gateway
            .kubectl(&["get", "secret", name, "-o", &format!("go-template={{{{index .data {key:?}}}}}")], "");
        let encoded = encoded.ok();
        let lines = text.lines().filter(|line| !line.starts_with("-----") && line.len() > 20);
        // The middle of the encoded text: its begin is that of every PEM file.
        let middle = &encoded[encoded.len() / 3..encoded.len() * 2 / 3];
        let of = format!("{key} of {name}");
        keys.extend(lines.chain([middle]).map(|text| Key { of: of.clone(), text: text.to_owned() }));
    }
    assert!(keys.len() >= 12, "no keys to look for");
    keys
}

/// Annotations of every object of every kind.
fn annotations(gateway: &Gateway) -> String {
    let kinds = gateway.kubectl(&["api-resources", "--verbs=list", "-o", "name"], "").ok();
    let kinds = kinds.lines().collect::<Vec<_>>().join(",");
    let all = gateway.kubectl(&["get", &kinds, "-A", "--ignore-not-found", "-o", "json"], "").ok();
    let all: Value = serde_json::from_str(&all).unwrap();
    let items = all["items"].as_array().unwrap();
    assert!(items.len() > 50, "{} objects", items.len());
    items.iter().map(|item| item["metadata"]["annotations"].to_string()).collect()
}

/// What Helm remembers of the release.
fn helm(gateway: &Gateway) -> String {
    let script = "HOME=/tmp helm get all openshell -n openshell --kubeconfig /etc/rancher/k3s/k3s.yaml";
    gateway.exec(&["sh", "-c", script]).ok()
}

/// Arguments and environment of every process in the container and its pods, without the variable that
/// [`HOLDERS`] are given.
fn processes(gateway: &Gateway) -> String {
    let script = r#"for p in /proc/[0-9]*; do
        echo "=== $(cat $p/comm)"; tr '\0' '\n' <$p/cmdline; tr '\0' '\n' <$p/environ; done 2>/dev/null"#;
    let mut command = Command::new("docker");
    // The last process of the list has gone when it is looked at.
    let all = run(command.args(["exec", &gateway.object(), "sh", "-c", script]), "").stdout;
    for wanted in ["=== openshell-init", "=== openshell-serve", "KUBERNETES_SERVICE_HOST"] {
        assert!(all.contains(wanted), "no {wanted:?} among the processes");
    }
    let mut told = String::new();
    for process in all.split("=== ").skip(1) {
        let is_holder = process.lines().next().is_some_and(|comm| HOLDERS.contains(&comm));
        let keep = |line: &&str| !(is_holder && line.starts_with("OPENSHELL_SSH_HANDSHAKE_SECRET="));
        told.extend(process.lines().filter(keep).flat_map(|line| [line, "\n"]));
    }
    told
}

fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs().to_string()
}
