//! `scripts/fast-deploy`: what a developer changed gets into a gateway that runs, and nothing else changes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_e2e::snapshot::{Snapshot, counters};
use openshell_e2e::{Gateway, Output, docker, measured, run};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const CHART: &str = "/opt/openshell/charts/openshell";
const IMAGE: &str = "openshell-test/gateway:fast-deploy";

#[test]
fn what_changed_is_deployed_and_what_did_not_is_left_alone() {
    let gateway = Gateway::new("fast-deploy");
    // An image that no registry and no archive of the node has.
    build("LABEL build=1");
    let _ = gateway.start(&["--no-wait", "--env", "IMAGE_TAG=fast-deploy"]).ok();
    gateway.wait("the image is missed", || {
        gateway.status().is_some_and(|s| s.stages.iter().any(|stage| stage.detail.contains("ErrImagePull")))
    });
    let _ = deploy(&gateway, &["gateway"]).ok();
    gateway.wait_ready();
    // The host has its certificates from the start, which was not waited for.
    let _ = gateway.start(&[]).ok();
    let before = Snapshot::take(&gateway);
    let kept = counters(&gateway, true).counter;

    let begin = Instant::now();
    let nothing = deploy(&gateway, &[]);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?} for nothing: {nothing:#?}", begin.elapsed());
    assert_eq!((nothing.code, nothing.stderr.matches("already").count()), (0, 3), "{nothing:#?}");

    build("LABEL build=2");
    let begin = Instant::now();
    let _ = deploy(&gateway, &[]).ok();
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?} for an image", begin.elapsed());
    assert_eq!(image_of_pod(&gateway), image_id());

    a_gateway_that_cannot_start_is_told_with_its_reason(&gateway);

    another_chart_is_deployed_by_process_1(&gateway);
    process_1_is_replaced(&gateway);
    // The chart was another one for a while; all else is as it was.
    let after = Snapshot::take(&gateway);
    assert_eq!(after.revision, before.revision + 2);
    assert_eq!(Snapshot { revision: before.revision, ..after }, before);
    assert_eq!(counters(&gateway, false).counter, kept);
    assert_eq!(image_of_pod(&gateway), image_id(), "the next start took another image");
    let _ = docker(&["rmi", "--force", IMAGE]).ok();
}

fn a_gateway_that_cannot_start_is_told_with_its_reason(gateway: &Gateway) {
    build("ENTRYPOINT [\"/nowhere\"]");
    let failed = deploy(gateway, &["gateway"]);
    assert!(failed.code == 1 && failed.stderr.contains("/nowhere"), "{failed:#?}");
    build("LABEL build=3");
    let _ = deploy(gateway, &["gateway"]).ok();
}

fn another_chart_is_deployed_by_process_1(gateway: &Gateway) {
    let extra =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra, namespace: {{ .Release.Namespace }}}\n";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("extra.yaml");
    std::fs::write(&file, extra).unwrap();
    let target = format!("{}:{CHART}/templates/extra.yaml", gateway.object());
    let _ = docker(&["cp", file.to_str().unwrap(), &target]).ok();
    let _ = gateway.exec(&["openshell-init", "look"]).ok();
    let _ = gateway.kubectl(&["get", "configmap", "extra"], "").ok();
    // The checkout has no such template.
    let _ = deploy(gateway, &["chart"]).ok();
    assert_ne!(gateway.kubectl(&["get", "configmap", "extra"], "").code, 0);
    let again = deploy(gateway, &["chart"]);
    assert!(again.stderr.contains("chart: the gateway has it already"), "{again:#?}");
}

fn process_1_is_replaced(gateway: &Gateway) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("openshell-init");
    let inside = format!("{}:/usr/local/bin/openshell-init", gateway.object());
    let _ = docker(&["cp", &inside, file.to_str().unwrap()]).ok();
    let ours = std::fs::read(&file).unwrap();
    std::fs::write(&file, [&ours[..], b"another build"].concat()).unwrap();
    let _ = docker(&["cp", file.to_str().unwrap(), &inside]).ok();
    // The container, k3s, and the gateway's container go on.
    let goes_on = || {
        let path = "jsonpath={.status.containerStatuses[0].containerID}";
        let container = gateway.kubectl(&["get", "pod", "openshell-0", "-o", path], "").ok();
        (gateway.inspect("{{.State.StartedAt}}"), gateway.status().unwrap().k3s.pid, container)
    };
    let (before, since) = (goes_on(), gateway.status().unwrap().started_ms);
    let begin = Instant::now();
    let _ = deploy(gateway, &["init"]).ok();
    measured("process 1 replaced: ready", begin);
    assert_eq!(goes_on(), before);
    assert_ne!(gateway.status().unwrap().started_ms, since, "process 1 is the same as before");
    let _ = docker(&["cp", &inside, file.to_str().unwrap()]).ok();
    assert!(std::fs::read(&file).unwrap() == ours, "it is not the checkout's");
}

/// Builds the gateway image with another layer of configuration.
fn build(line: &str) {
    let dockerfile = format!("FROM openshell-test/gateway:dev\n{line}\n");
    let _ = run(Command::new("docker").args(["build", "--quiet", "--tag", IMAGE, "-"]), &dockerfile).ok();
}

fn deploy(gateway: &Gateway, targets: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/fast-deploy");
    let mut command = Command::new(script);
    // Build scripts would take this test's variables for another configuration, and build everything anew.
    for (name, _) in std::env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with("CARGO") && *name != *"CARGO_HOME")
    {
        command.env_remove(name);
    }
    run(command.args(["--gateway", &gateway.name]).args(targets).env("DEPLOY_TIMEOUT", "30"), "")
}

fn image_of_pod(gateway: &Gateway) -> String {
    let path = "jsonpath={.status.containerStatuses[0].imageID}";
    gateway.kubectl(&["get", "pod", "openshell-0", "-o", path], "").ok()
}

fn image_id() -> String {
    docker(&["image", "inspect", "--format", "{{.Id}}", IMAGE]).ok().trim().to_owned()
}
