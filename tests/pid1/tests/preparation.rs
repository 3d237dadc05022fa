//! `openshell-init boot` prepares a node: what k3s finds when it begins, and what it is not begun without.

use openshell_pid1_tests::{Namespace, Node};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

const WELL: &str = r#"exec "$PING_PONG" count TERM obey TERM say k3s-runs hang"#;

/// A file as process 1 sees it.
fn inside(namespace: &Namespace, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root{file}", namespace.first()))
}

#[test]
fn without_a_default_route_it_waits_and_tells_what_there_is() {
    let node = Node::new(WELL).env("NO_ROUTE", "yes");
    let namespace = node.boot().ready();
    let told =
        namespace.until_status("it tells what it waits for", |status| status.contains("no default route"));
    assert!(told.contains("no default route; routes: "), "{told}");
    assert!(told.contains("192.0.2.2 on eth0"), "{told}");
    assert!(!told.contains(r#""pid":"#) || told.contains(r#""pid":null"#), "k3s was begun: {told}");

    let target = namespace.first().to_string();
    let route = ["ip", "route", "add", "default", "via", "192.0.2.1"];
    let added = Command::new("nsenter").args(["--target", &target, "--net"]).args(route).status();
    assert!(added.expect("nsenter (util-linux) runs").success());
    let status =
        namespace.until_status("k3s has begun", |status| status.contains(r#""address":"192.0.2.2""#));
    assert!(status.contains(r#""problems":[]"#), "{status}");
    namespace.stops_cleanly("with a route");
}

#[test]
fn k3s_finds_its_registries_and_nothing_that_the_original_staged() {
    let password = " p'\":#\\ {{x}} $HOME";
    let node = Node::new(WELL)
        .env("REGISTRY_HOST", "registry.example")
        .env("REGISTRY_ENDPOINT", "host.docker.internal:5000")
        .env("REGISTRY_INSECURE", "on")
        .env("REGISTRY_USERNAME", "robot$x")
        .env("REGISTRY_PASSWORD", password);
    let manifests = node.in_volume("server/manifests");
    fs::create_dir_all(&manifests).unwrap();
    for file in ["openshell-helmchart.yaml", "coredns.yaml"] {
        fs::write(manifests.join(file), "").unwrap();
    }
    let namespace = node.up();
    assert!(!manifests.join("openshell-helmchart.yaml").exists(), "k3s would apply it");
    assert!(manifests.join("coredns.yaml").exists(), "it is k3s's own");

    let file = inside(&namespace, "/etc/rancher/k3s/registries.yaml");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let yaml: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(yaml["mirrors"]["registry.example"]["endpoint"][0], "http://host.docker.internal:5000");
    let auth = &yaml["configs"]["host.docker.internal:5000"]["auth"];
    assert_eq!((auth["username"].as_str(), auth["password"].as_str()), (Some("robot$x"), Some(password)));
    let remembered = node.in_volume("openshell/config.json");
    assert_eq!(fs::metadata(remembered).unwrap().permissions().mode() & 0o777, 0o600, "a password is in it");
    let lines = namespace.stops_cleanly("with registries");
    assert!(lines.iter().all(|line| !line.contains("{{x}}")), "the password is in the log");
}
