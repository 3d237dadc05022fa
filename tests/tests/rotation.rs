//! New certificates and new secrets, on a gateway that goes on: nobody is cut off who doesn't have to be, and
//! the gateway's pod is replaced exactly when it has something new to take up.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_contract::status::{Phase, Status};
use openshell_e2e::snapshot::{Snapshot, counters};
use openshell_e2e::{Client, Gateway, docker, measured, sandbox};
use std::time::Instant;

#[test]
fn a_new_ca_cuts_off_nobody_and_each_change_rolls_out_once() {
    let gateway = Gateway::new("rotation");
    let _ = gateway.start(&[]).ok();
    sandbox::create(&gateway);
    let old = Client::new(&gateway);
    old.verifies_strictly(&gateway);
    old.connects(&gateway);

    let before = gateway.status().unwrap();
    let written = || docker(&["logs", &gateway.object()]).stderr.matches("the volume is written out").count();
    let times = written();
    rolls_out_once(&gateway, || drop(rotate(&gateway, &["pki", "--leaf"]).ok()));
    assert_eq!(ca(&gateway), ca_of(&before), "new leaves are of the same CA");
    assert_eq!(written(), times + 1, "a power cut could undo what was told as done");
    old.connects(&gateway);

    rolls_out_once(&gateway, || drop(rotate(&gateway, &["pki", "--ca"]).ok()));
    assert_ne!(ca(&gateway), ca_of(&before));
    assert!(gateway.status().unwrap().pki.unwrap().previous_ca_until.is_some());
    old.connects(&gateway);
    let told = Client::new(&gateway);
    assert_eq!((old.cas(), told.cas()), (1, 2));
    told.connects(&gateway);
    told.verifies_strictly(&gateway);
    let again = rotate(&gateway, &["pki", "--ca"]);
    assert!(again.code == 1 && again.stderr.contains("still in use"), "{again:#?}");

    rolls_out_once(&gateway, || drop(rotate(&gateway, &["pki", "--leaf"]).ok()));
    let latest = Client::new(&gateway);
    assert_ne!(latest.file("tls.crt"), told.file("tls.crt"), "the clients' leaf is new too");
    for client in [&told, &latest] {
        client.connects(&gateway);
    }
    latest.verifies_strictly(&gateway);

    // The start reads what the rotations left, and finds nothing to do.
    let snapshot = Snapshot::take(&gateway);
    let _ = docker(&["restart", &gateway.object()]).ok();
    gateway.wait_ready();
    assert_eq!(Snapshot::take(&gateway), snapshot);

    the_host_notices_another_ca_and_a_start_takes_it_up(&gateway);
    a_new_ssh_secret_is_made_only_by_who_knows_what_it_breaks(&gateway);
}

fn the_host_notices_another_ca_and_a_start_takes_it_up(gateway: &Gateway) {
    let held = || {
        let json = gateway.openshell(&["status", "-o", "json"]).stdout;
        serde_json::from_str::<serde_json::Value>(&json).unwrap()["host"]["client_certificates"].clone()
    };
    assert_eq!(held(), "other-ca", "the files on this machine are from before the new CA");
    assert!(gateway.openshell(&["status"]).stdout.contains("certs export"), "the remedy is not told");
    let container = gateway.inspect("{{.Id}} {{.State.StartedAt}}");
    let started = gateway.openshell(&["start"]);
    assert!(started.code == 0 && started.stderr.contains("of another CA: replaced"), "{started:#?}");
    assert_eq!(held(), "current");
    assert_eq!(gateway.grpc_health(true).ok().trim(), "SERVING");
    assert_eq!(gateway.inspect("{{.Id}} {{.State.StartedAt}}"), container, "it was started again");
}

fn a_new_ssh_secret_is_made_only_by_who_knows_what_it_breaks(gateway: &Gateway) {
    sandbox::shake_hands(gateway);
    let before = gateway.status().unwrap().ssh_fingerprint;
    let refused = rotate(gateway, &["ssh"]);
    assert!(refused.code == 1 && refused.stderr.contains("sandbox-1"), "{refused:#?}");
    assert_eq!(annotated(gateway), before.clone().unwrap());
    sandbox::shake_hands(gateway);

    rolls_out_once(gateway, || {
        let told = rotate(gateway, &["ssh", "--yes"]).ok();
        assert!(told.contains("sandbox-1"), "{told}");
    });
    let after = gateway.status().unwrap().ssh_fingerprint;
    assert_ne!(after, before);
    assert_eq!(annotated(gateway), after.unwrap());
    let warnings = gateway.status().unwrap().warnings;
    assert!(warnings.iter().any(|w| w.contains("created anew: sandbox-1")), "{warnings:?}");
}

#[test]
fn a_deleted_secret_is_back_within_seconds_and_nobody_notices() {
    let gateway = Gateway::new("deletion");
    let _ = gateway.start(&[]).ok();
    sandbox::create(&gateway);
    let client = Client::new(&gateway);
    let before = Snapshot::take(&gateway);
    for name in ["openshell-ssh-handshake", "openshell-ca"] {
        let begin = Instant::now();
        let _ = gateway.kubectl(&["delete", "secret", name], "").ok();
        gateway.wait("the Secret is back", || gateway.kubectl(&["get", "secret", name], "").code == 0);
        measured(&format!("Secret {name} deleted: back"), begin);
        assert!(begin.elapsed().as_secs() < 10, "{name} took {:?}", begin.elapsed());
    }
    gateway.wait_ready();
    let after = Snapshot::take(&gateway);
    for (name, (data, _)) in &before.secrets {
        assert_eq!(data, &after.secrets[name].0, "{name} is another one");
    }
    assert_eq!((after.revision, after.fingerprint), (before.revision, before.fingerprint));
    let warnings = gateway.status().unwrap().warnings;
    assert!(warnings.iter().any(|w| w.contains("the SSH secret was restored")), "{warnings:?}");
    assert!(warnings.iter().any(|w| w.contains("CA restored")), "{warnings:?}");
    client.connects(&gateway);
    sandbox::shake_hands(&gateway);
    a_deleted_object_of_the_release_is_back(&gateway);
}

fn a_deleted_object_of_the_release_is_back(gateway: &Gateway) {
    // By itself, in the next pass.
    let begin = Instant::now();
    let _ = gateway.kubectl(&["delete", "statefulset", "openshell"], "").ok();
    gateway.wait("the gateway is reached again", || {
        gateway.grpc_health(true).code == 0 && gateway.status().is_some_and(|s| s.phase == Phase::Ready)
    });
    measured("StatefulSet deleted: serves again", begin);
    for object in ["service/openshell", "role/openshell-sandbox", "networkpolicy/openshell-sandbox-ssh"] {
        let begin = Instant::now();
        let _ = gateway.kubectl(&["delete", object], "").ok();
        // As the next pass does by itself, within about half a minute.
        gateway.wait("it is made again", || {
            let _ = gateway.exec(&["openshell-init", "look"]);
            gateway.kubectl(&["get", object], "").code == 0
        });
        measured(&format!("{object} deleted, and a look asked for: back"), begin);
        assert!(begin.elapsed().as_secs() < 20, "{object} took {:?}", begin.elapsed());
    }
    gateway.wait_ready();
    assert_eq!(gateway.grpc_health(true).ok().trim(), "SERVING");
}

#[test]
fn the_same_work_is_done_in_any_namespace_of_any_cluster() {
    let gateway = Gateway::new("reconcile");
    let _ = gateway.start(&[]).ok();
    let reconcile = |more: &[&str]| {
        let fixed = ["openshell-init", "reconcile", "--kubeconfig", "/etc/rancher/k3s/k3s.yaml"];
        gateway.exec(&[&fixed, more].concat())
    };
    let first = reconcile(&["--namespace", "elsewhere"]).ok();
    for wanted in ["namespace elsewhere: created", "SSH secret: created", "certificates: new CA"] {
        assert!(first.contains(wanted), "no {wanted:?} in:\n{first}");
    }
    let second = reconcile(&["--namespace", "elsewhere"]).ok();
    assert_eq!(second.matches("kept").count(), 3, "{second}");
    let names = gateway.kubectl(&["get", "secrets", "-n", "elsewhere", "-o", "name"], "").ok();
    assert_eq!(names.lines().count(), 5, "{names}");

    // Helm, as a child of what is not process 1. The values differ by the host's address alone, and process 1
    // may deploy at the same time: whoever comes second goes on from what the other left.
    let chart = reconcile(&["--chart"]).ok();
    assert!(chart.contains("chart: revision ") && !chart.contains("unchanged"), "{chart}");
    gateway.wait_ready();
    let nowhere = gateway.exec(&["openshell-init", "reconcile", "--kubeconfig", "/nowhere"]);
    assert!(nowhere.code == 1 && nowhere.stderr.contains("/nowhere"), "{nowhere:#?}");
}

/// Does `change`, and waits until the gateway has taken it up: one revision of the release and one start of
/// the server more, also when it is looked at again.
#[track_caller]
fn rolls_out_once(gateway: &Gateway, change: impl FnOnce()) {
    let numbers = || (revision(&gateway.status().unwrap()), counters(gateway, false).starts);
    let (revision, starts) = numbers();
    change();
    gateway.wait("the change is rolled out", || {
        gateway.status().is_some_and(|s| s.phase == Phase::Ready && self::revision(&s) > revision)
    });
    let _ = gateway
        .kubectl(&["annotate", "secret", "openshell-server-tls", "--overwrite", "look=again"], "")
        .ok();
    gateway.wait_ready();
    assert_eq!(numbers(), (revision + 1, starts + 1));
}

fn revision(status: &Status) -> u32 {
    status.chart.as_ref().map_or(0, |chart| chart.revision)
}

fn ca_of(status: &Status) -> String {
    status.pki.as_ref().unwrap().ca_sha256.clone()
}

fn ca(gateway: &Gateway) -> String {
    ca_of(&gateway.status().unwrap())
}

fn annotated(gateway: &Gateway) -> String {
    let path = r"jsonpath={.metadata.annotations.openshell\.ai/ssh-fingerprint}";
    gateway.kubectl(&["get", "secret", "openshell-ssh-handshake", "-o", path], "").ok()
}

fn rotate(gateway: &Gateway, what: &[&str]) -> openshell_e2e::Output {
    gateway.exec(&[&["openshell-init", "rotate"], what].concat())
}
