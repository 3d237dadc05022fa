//! A gateway that is asked to be another one: the container is replaced, and what it is stays.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_e2e::gateway::cluster_image;
use openshell_e2e::snapshot::Snapshot;
use openshell_e2e::{Client, Gateway, Variant, docker};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

const LATER_SERVER: [&str; 4] =
    ["--env", "OPENSHELL_SERVER_HEALTH_PORT=8081", "--env", "OPENSHELL_SERVER_BIND_ADDRESS=0.0.0.0"];

#[test]
fn the_later_server_is_a_matter_of_settings_that_the_volume_remembers() {
    let mut gateway = Gateway::new("settings");
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
    the_port_is_tried_without_noise(&gateway);

    // A container that knows nothing of it, on the same volume.
    let _ = openshell_e2e::docker(&["rm", "-f", &gateway.object()]).ok();
    let _ = gateway.start(&[]).ok();
    assert_eq!(Snapshot::take(&gateway), later);

    another_name_is_certified_by_the_same_ca(&gateway);
    an_image_that_crashes_is_told_and_the_one_before_goes_on(&gateway);
    the_image_before_on_another_port_and_within_limits(&mut gateway);

    let _ = gateway.openshell(&["destroy", "--yes"]).ok();
    assert!(!gateway.certificates().exists(), "certificates are left");
    assert_ne!(
        openshell_e2e::docker(&["volume", "inspect", &gateway.object()]).code,
        0,
        "the volume is left"
    );
}

/// With a newer image at the same time.
fn another_name_is_certified_by_the_same_ca(gateway: &Gateway) {
    let (old, before) = (Client::new(gateway), Snapshot::take(gateway));
    let next = Variant::of("next", "LABEL openshell.e2e=next");
    let image = gateway.inspect("{{.Image}}");
    let _ = gateway.start_image(next.name(), &["--env", "EXTRA_SANS=gateway.example.test,192.0.2.7"]).ok();
    assert_ne!(gateway.inspect("{{.Image}}"), image, "it is still of the old image");
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

fn an_image_that_crashes_is_told_and_the_one_before_goes_on(gateway: &Gateway) {
    let entry = r#"ENTRYPOINT ["sh", "-c", "echo broken on purpose >&2; exit 3"]"#;
    let crashing = Variant::of("crashing", entry);
    let (container, before) = (gateway.inspect("{{.Id}}"), Snapshot::take(gateway));
    let begin = Instant::now();
    let failed = gateway.start_image(crashing.name(), &[]);
    let took = begin.elapsed();
    assert_eq!(failed.code, 22, "{failed:#?}");
    for wanted in
        ["[CRASH_LOOP]", "exit code 3", "  log:   broken on purpose", "was put back", "  hint:  docker logs "]
    {
        assert!(failed.stderr.contains(wanted), "no {wanted:?} in {failed:#?}");
    }
    // The stop of the container before is in it.
    assert!(took < Duration::from_secs(30), "{took:?}");
    let kept = docker(&["logs", &format!("openshell-failed-{}", gateway.name)]);
    assert!(kept.stderr.contains("broken on purpose"), "the evidence is gone: {kept:#?}");
    gateway.wait_ready();
    assert_eq!(gateway.inspect("{{.Id}}"), container);
    assert_eq!(Snapshot::take(gateway), before);
}

fn the_image_before_on_another_port_and_within_limits(gateway: &mut Gateway) {
    let before = Snapshot::take(gateway);
    gateway.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let processors = docker(&["info", "--format", "{{.NCPU}}"]).ok().trim().to_owned();
    let limits = ["--memory", "6g", "--cpus", &processors];
    let endpoint = gateway.start(&limits).ok();
    assert_eq!(endpoint.trim(), format!("https://127.0.0.1:{}", gateway.port));
    assert_eq!(gateway.inspect("{{.Config.Image}}"), cluster_image());
    let asked = format!("{} {}000000000", 6_u64 << 30, processors);
    assert_eq!(gateway.inspect("{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}"), asked);
    assert_eq!(gateway.grpc_health(true).ok().trim(), "SERVING");
    assert_eq!(Snapshot::take(gateway), before);
    let left =
        docker(&["ps", "--all", "--format", "{{.Names}}", "--filter", &format!("name={}", gateway.name)]);
    assert_eq!(left.ok().trim(), gateway.object(), "containers are left");

    // Nothing is asked for, so nothing changes.
    let container = gateway.inspect("{{.Id}} {{.State.StartedAt}}");
    let _ = gateway.openshell(&["start"]).ok();
    assert_eq!(gateway.inspect("{{.Id}} {{.State.StartedAt}}"), container);
}

/// Of a server that kubelet asks over HTTP: a bare connection of its own would be noise as well.
fn the_port_is_tried_without_noise(gateway: &Gateway) {
    const TRIES: u32 = 10;
    let noise = || gateway.kubectl(&["logs", "openshell-0"], "").ok().contains("tls accept error");
    for _ in 0..TRIES {
        let _ = gateway.exec(&["openshell-init", "look"]).ok();
    }
    assert!(!noise(), "the gateway's log tells of handshakes that failed");
    // It would tell of one: the test can fail.
    drop(TcpStream::connect(("127.0.0.1", gateway.port)).expect("the port is open"));
    gateway.wait("the gateway tells of a connection without a handshake", noise);
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
