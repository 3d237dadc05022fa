//! A stop ends everything, in its time, and loses nothing: with pods that don't want to end, cut off at any
//! of its phases, and again and again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_contract::status::Phase;
use openshell_e2e::snapshot::{Snapshot, counters};
use openshell_e2e::{Gateway, docker, run};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Pods of each kind of stubbornness.
const STUBBORN: usize = 10;
/// Ignores TERM.
const DEAF: &str = "trap '' TERM; while :; do sleep 3600 & wait $!; done";
/// Hears TERM and goes on.
const UNMOVED: &str = "trap : TERM; while :; do sleep 3600 & wait $!; done";
/// Has something to do before it ends.
const TIDY: &str =
    "trap 'sleep 1; echo tidy >/state/last-words; exit 0' TERM; while :; do sleep 3600 & wait $!; done";

/// A pod that runs a script with the node's own shell: its image has none.
fn pod(name: &str, script: &str) -> Value {
    let host = |name: &str, path: &str| json!({"name": name, "hostPath": {"path": path}});
    let at = |name: &str, path: &str| json!({"name": name, "mountPath": path, "readOnly": name != "state"});
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"test": "stop"}},
        "spec": {
            "terminationGracePeriodSeconds": 600,
            "containers": [{
                "name": "main",
                "image": "openshell-test/sandbox:dev",
                "imagePullPolicy": "IfNotPresent",
                "command": ["/bin/sh", "-c", script],
                // The image's own user may not write where the test looks.
                "securityContext": {"runAsUser": 0},
                "volumeMounts": [at("bin", "/bin"), at("lib", "/lib"), at("lib64", "/lib64"), at("state", "/state")],
            }],
            "volumes": [
                host("bin", "/bin/"), host("lib", "/lib/"), host("lib64", "/lib64/"),
                host("state", "/var/lib/rancher/k3s/storage"),
            ],
        },
    })
}

/// Where the host keeps the gateway's volume.
fn volume(gateway: &Gateway) -> PathBuf {
    let format = "{{.Mountpoint}}";
    docker(&["volume", "inspect", "--format", format, &gateway.object()]).ok().trim().into()
}

/// Processes of a PID namespace, as the host sees them.
fn processes_in(namespace: &Path) -> usize {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter(|e| fs::read_link(e.path().join("ns/pid")).is_ok_and(|of| of == namespace)).count()
}

fn nothing_is_left(gateway: &Gateway, namespace: &Path, container: &str) {
    assert_eq!(processes_in(namespace), 0, "processes of the container live on");
    let volume = volume(gateway).display().to_string();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let busy: Vec<_> = mounts.lines().filter(|l| l.contains(&volume)).collect();
    assert!(busy.is_empty(), "mounts of the volume live on: {busy:#?}");
    let find = ["/sys/fs/cgroup", "-type", "d", "-path", &format!("*{container}*")];
    let groups = run(Command::new("find").args(find), "").stdout;
    assert_eq!(groups, "", "control groups live on");
}

/// What SQLite says of k3s's database (sqlite.org, `PRAGMA integrity_check`).
fn the_database_is_whole(gateway: &Gateway) {
    let file = volume(gateway).join("server/db/state.db");
    let checked = run(Command::new("sqlite3").arg(&file).arg("PRAGMA integrity_check"), "");
    assert_eq!(checked.clone().ok().trim(), "ok", "{checked:#?}");
}

/// Stops it with Docker's own default of 10 s. Returns how long that took.
fn stop(gateway: &Gateway) -> Duration {
    let begin = Instant::now();
    let _ = docker(&["stop", "-t", "10", &gateway.object()]).ok();
    assert_eq!(gateway.inspect("{{.State.ExitCode}}"), "0");
    begin.elapsed()
}

fn say(text: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("measured: {text}\n").as_bytes()).unwrap();
}

#[test]
fn twenty_stubborn_pods_end_within_five_seconds() {
    let gateway = Gateway::new("stubborn");
    let _ = gateway.start(&[]).ok();
    let pods: Vec<Value> = (0..STUBBORN)
        .flat_map(|i| [pod(&format!("deaf-{i}"), DEAF), pod(&format!("unmoved-{i}"), UNMOVED)])
        .chain([pod("tidy", TIDY)])
        .collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": pods});
    let _ = gateway.kubectl(&["apply", "-f", "-"], &list.to_string()).ok();
    gateway.wait("all pods run", || {
        let phases = gateway
            .kubectl(&["get", "pods", "-l", "test=stop", "-o", "jsonpath={.items[*].status.phase}"], "");
        phases.stdout.split_whitespace().filter(|phase| *phase == "Running").count() == 2 * STUBBORN + 1
    });
    let namespace = fs::read_link(format!("/proc/{}/ns/pid", gateway.inspect("{{.State.Pid}}"))).unwrap();
    let container = gateway.inspect("{{.Id}}");
    assert!(processes_in(&namespace) > 2 * STUBBORN, "the test sees no processes");

    let took = stop(&gateway);
    say(&format!("docker stop with {} stubborn pods: {} ms", 2 * STUBBORN, took.as_millis()));
    assert!(took < Duration::from_secs(5), "{took:?}");
    nothing_is_left(&gateway, &namespace, &container);
    the_database_is_whole(&gateway);
    let last_words = fs::read_to_string(volume(&gateway).join("storage/last-words"));
    assert_eq!(last_words.unwrap().trim(), "tidy", "a pod that had something to do was cut off");
}

#[test]
fn a_stop_cut_off_at_any_phase_loses_nothing() {
    let gateway = Gateway::new("cut-stop");
    let _ = gateway.start(&[]).ok();
    let snapshot = Snapshot::take(&gateway);
    for phase in ["quiesce", "k3s", "pods", "rest", "unmount"] {
        let mut stop = Command::new("docker").args(["stop", &gateway.object()]).spawn().unwrap();
        let since = gateway.inspect("{{.State.StartedAt}}");
        let mut logs = Command::new("docker")
            .args(["logs", "--follow", "--since", &since, &gateway.object()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufRead::lines(std::io::BufReader::new(logs.stderr.take().unwrap()));
        let wanted = format!("stop: {phase} ");
        assert!(lines.map_while(Result::ok).any(|line| line.contains(&wanted)), "no phase {phase}");
        // It may be over by itself already.
        let _ = docker(&["kill", &gateway.object()]);
        stop.wait().unwrap();
        let _ = logs.kill();
        logs.wait().unwrap();
        the_database_is_whole(&gateway);

        let _ = docker(&["start", &gateway.object()]).ok();
        gateway.wait_ready();
        assert_eq!(Snapshot::take(&gateway), snapshot, "cut off after {phase}");
    }
}

/// Directories of containers' file systems in the volume.
fn snapshots(gateway: &Gateway) -> usize {
    let dir = volume(gateway).join("agent/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots");
    fs::read_dir(dir).unwrap().count()
}

/// `OPENSHELL_STOP_CYCLES=100` for the long run.
#[test]
fn stop_and_start_again_and_again_leave_nothing_behind() {
    let cycles = std::env::var("OPENSHELL_STOP_CYCLES").map_or(3, |n| n.parse().unwrap());
    let gateway = Gateway::new("cycles");
    let _ = gateway.start(&[]).ok();
    let snapshot = Snapshot::take(&gateway);
    let starts = counters(&gateway, true).starts;
    let before = snapshots(&gateway);
    let mut slowest = Duration::ZERO;
    for cycle in 1..=cycles {
        slowest = slowest.max(stop(&gateway));
        the_database_is_whole(&gateway);
        let _ = docker(&["start", &gateway.object()]).ok();
        gateway.wait_ready();
        let status = gateway.status().unwrap();
        assert_eq!((status.phase, status.crashes), (Phase::Ready, 0), "cycle {cycle}");
    }
    assert_eq!(Snapshot::take(&gateway), snapshot);
    assert_eq!(counters(&gateway, true).starts, starts + cycles);
    // kubelet looks once a minute for containers that ended (`--minimum-container-ttl-duration` and its
    // peers); of each pod it keeps the last one, with its sandbox.
    let pods = gateway.kubectl(&["get", "pods", "--all-namespaces", "-o", "name"], "").ok().lines().count();
    gateway.wait("what the stops left is collected", || snapshots(&gateway) <= before + 2 * pods);
    say(&format!("{cycles} stops and starts: slowest stop {} ms", slowest.as_millis()));
}
