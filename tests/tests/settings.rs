//! A gateway that is asked to be another one: the container is replaced, and what it is stays.

use openshell_e2e::snapshot::Snapshot;
use openshell_e2e::{Client, Gateway};

const LATER_SERVER: [&str; 4] =
    ["--env", "OPENSHELL_SERVER_HEALTH_PORT=8081", "--env", "OPENSHELL_SERVER_BIND_ADDRESS=0.0.0.0"];

#[test]
fn the_later_server_is_a_matter_of_settings_that_the_volume_remembers() {
    let gateway = Gateway::new("settings");
    let _ = gateway.start(&[]).ok();
    let first = Snapshot::take(&gateway);
    let container = gateway.inspect("{{.Id}}");

    let _ = gateway.start(&LATER_SERVER).ok();
    assert_ne!(gateway.inspect("{{.Id}}"), container, "the container was not replaced");
    let later = Snapshot::take(&gateway);
    assert_eq!(later.revision, first.revision + 1);
    assert_eq!(Snapshot { revision: first.revision, ..later.clone() }, first, "only the release has changed");
    assert!(probes(&gateway).contains("/readyz"), "{}", probes(&gateway));
    assert_eq!(gateway.grpc_health(true).ok().trim(), "SERVING");

    // A container that knows nothing of it, on the same volume.
    let _ = openshell_e2e::docker(&["rm", "-f", &gateway.object()]).ok();
    let _ = gateway.start(&[]).ok();
    assert_eq!(Snapshot::take(&gateway), later);

    another_name_is_certified_by_the_same_ca(&gateway);

    let _ = gateway.openshell(&["destroy", "--yes"]).ok();
    assert!(!gateway.certificates().exists(), "certificates are left");
    assert_ne!(
        openshell_e2e::docker(&["volume", "inspect", &gateway.object()]).code,
        0,
        "the volume is left"
    );
}

fn another_name_is_certified_by_the_same_ca(gateway: &Gateway) {
    let (old, before) = (Client::new(gateway), Snapshot::take(gateway));
    let _ = gateway.start(&["--env", "EXTRA_SANS=gateway.example.test,192.0.2.7"]).ok();
    let after = Snapshot::take(gateway);
    let changed: Vec<_> =
        before.secrets.iter().filter(|(name, secret)| after.secrets[*name] != **secret).collect();
    assert!(matches!(changed[..], [(name, _)] if name == "openshell-server-tls"), "{changed:?}");
    assert_eq!((&after.ca, &after.fingerprint), (&before.ca, &before.fingerprint));
    assert_eq!(after.revision, before.revision + 1, "the pod takes it up once");
    old.connects(gateway);
    old.verifies_strictly(gateway);
    old.verifies_server(gateway, &["-verify_hostname", "gateway.example.test"]);
    old.verifies_server(gateway, &["-verify_ip", "192.0.2.7"]);
}

fn probes(gateway: &Gateway) -> String {
    let path = "jsonpath={.spec.template.spec.containers[0].readinessProbe.httpGet.path}";
    gateway.kubectl(&["get", "statefulset", "openshell", "-o", path], "").ok()
}

#[test]
fn plaintext_needs_no_certificates() {
    let gateway = Gateway::new("plaintext");
    let started = gateway.start(&["--plaintext"]).ok();
    assert_eq!(started.trim(), format!("http://127.0.0.1:{}", gateway.port));
    assert_eq!(gateway.status().unwrap().pki, None);
    assert_ne!(gateway.kubectl(&["get", "secret", "openshell-server-tls"], "").code, 0);
    assert_ne!(gateway.exec(&["openshell-init", "export-client"]).code, 0);
}
