//! The promise: whatever happens to the container, the gateway comes back by itself, with the same
//! secrets, and a sandbox from before goes on.
//!
//! Beside it stands what the host command does for a gateway that is there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_contract::reason::Reason;
use openshell_contract::status::{BootKind, Phase};
use openshell_e2e::gateway::openshell_bin;
use openshell_e2e::snapshot::{Snapshot, counters};
use openshell_e2e::{Gateway, daemon, docker, run, sandbox};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn first_start_then_restart_kill_and_removal_keep_everything() {
    let gateway = Gateway::new("lifecycle");
    let begin = Instant::now();
    let started = gateway.start(&[]);
    assert_eq!(started.code, 0, "{started:#?}");
    assert_eq!(started.stdout.trim(), format!("https://127.0.0.1:{}", gateway.port));
    report("first start", begin.elapsed(), &gateway);

    no_pod_waited_for_a_secret(&gateway);
    serves_only_clients_with_our_certificate(&gateway);
    host_files_are_private(&gateway);
    assert_eq!(gateway.status().unwrap().boot, Some(BootKind::First));

    sandbox::create(&gateway);
    sandbox::shake_hands(&gateway);
    a_deleted_secret_comes_back_under_the_same_ca(&gateway);
    k3s_is_started_again_under_running_pods(&gateway);
    a_k3s_that_stands_still_is_told_and_forgiven(&gateway);
    let sandbox = sandbox::uid(&gateway);
    let snapshot = Snapshot::take(&gateway);
    let mut before = counters(&gateway, true);

    let object = gateway.object();
    let disruptions: [(&str, BootKind, &dyn Fn()); 4] = [
        // No host command in the first two: nobody is there when Docker restarts a container.
        ("docker restart", BootKind::Resume, &|| drop(docker(&["restart", &object]).ok())),
        ("restart of the Docker daemon", BootKind::Resume, &|| {
            if !daemon::restart() {
                let _ = docker(&["restart", &object]).ok();
            }
        }),
        ("docker kill, docker network rm, gateway start", BootKind::AfterCrash, &|| {
            let _ = docker(&["kill", &object]).ok();
            let _ = docker(&["network", "rm", &object]).ok();
            let _ = gateway.start(&[]).ok();
        }),
        ("docker rm, docker network rm, gateway start", BootKind::AfterCrash, &|| {
            let _ = docker(&["rm", "-f", &object]).ok();
            let _ = docker(&["network", "rm", &object]).ok();
            let _ = gateway.start(&[]).ok();
        }),
    ];
    for (what, kind, disrupt) in disruptions {
        let begin = Instant::now();
        disrupt();
        gateway.wait_ready();
        report(what, begin.elapsed(), &gateway);

        assert_eq!(Snapshot::take(&gateway), snapshot, "after {what}");
        // A new container may have another address, which is the more telling kind.
        let boot = gateway.status().unwrap().boot;
        assert!(boot == Some(kind) || boot == Some(BootKind::AddressChanged), "after {what}: {boot:?}");
        serves_only_clients_with_our_certificate(&gateway);
        let after = counters(&gateway, true);
        assert!(
            after.starts > before.starts && after.counter > before.counter,
            "after {what}: {before:?} {after:?}"
        );
        before = after;
        sandbox::shake_hands(&gateway);
        assert_eq!(sandbox::uid(&gateway), sandbox, "after {what}: the sandbox was created anew");
        process_1_is_ours_and_no_zombie_is_left(&gateway);
        node_and_pods_know_the_host_by_name(&gateway);
    }

    gateway_start_on_a_running_gateway_restores_host_files(&gateway);
    certificates_are_handed_out_where_they_are_wanted(&gateway);
    status_tells_what_people_ask(&gateway);
    the_host_command_is_small_and_quick(&gateway);
    stop_is_quick_and_clean(&gateway);
    what_was_stopped_stays_so(&gateway);
}

/// Secrets come before the chart. Kubelet reports one that a container's environment misses as `Failed`
/// (`CreateContainerConfigError`), and one that a volume misses as `FailedMount`.
fn no_pod_waited_for_a_secret(gateway: &Gateway) {
    let reasons = "jsonpath={range .items[*]}{.involvedObject.name} {.reason} {.message}{\"\\n\"}{end}";
    let events = gateway.kubectl(&["get", "events", "-o", reasons], "").ok();
    assert!(events.contains("openshell-0 Started"), "no events to judge by:\n{events}");
    let waits = events.lines().find(|event| event.contains(" Failed") && event.contains("secret"));
    assert_eq!(waits, None, "{events}");
}

fn a_deleted_secret_comes_back_under_the_same_ca(gateway: &Gateway) {
    let before = gateway.status().unwrap().pki.unwrap();
    let name = "openshell-server-tls";
    let _ = gateway.kubectl(&["delete", "secret", name], "").ok();
    gateway.wait("the Secret is back", || gateway.kubectl(&["get", "secret", name], "").code == 0);
    gateway.wait("the gateway serves with the new certificate", || {
        gateway.status().is_some_and(|s| {
            s.phase == Phase::Ready && s.pki.is_some_and(|p| p.server_not_after != before.server_not_after)
        })
    });
    assert_eq!(gateway.status().unwrap().pki.unwrap().ca_sha256, before.ca_sha256);
    serves_only_clients_with_our_certificate(gateway);
}

fn k3s_is_started_again_under_running_pods(gateway: &Gateway) {
    let before = counters(gateway, false);
    let pid = gateway.status().unwrap().k3s.pid.unwrap().to_string();
    let _ = gateway.exec(&["kill", "-9", &pid]).ok();
    gateway.wait("k3s runs again", || gateway.status().is_some_and(|s| s.k3s.restarts == 1));
    // kubelet, which `kubectl exec` needs, comes after the API; and until it has probed the pod again,
    // the pod may be taken out of its Service.
    let exec = ["exec", "openshell-0", "--", "/openshell-server", "counter"];
    gateway.wait("kubelet answers", || gateway.kubectl(&exec, "").code == 0);
    gateway.wait("the gateway is reached again", || gateway.grpc_health(true).code == 0);
    gateway.wait_ready();
    // The same process serves as before: pods outlive k3s.
    assert_eq!(counters(gateway, false).starts, before.starts);
}

fn a_k3s_that_stands_still_is_told_and_forgiven(gateway: &Gateway) {
    let before = gateway.status().unwrap().k3s;
    // The test node's k3s runs its parts as processes of their own; of real k3s this is the one process.
    let signal = |name: &str| drop(gateway.exec(&["pkill", name, "-f", "k3s"]));
    signal("-STOP");
    gateway.wait("its silence is told", || {
        gateway.status().is_some_and(|s| {
            s.phase == Phase::Degraded && s.problems.iter().any(|p| p.reason == Reason::ApiUnavailable)
        })
    });
    assert_eq!(gateway.status().unwrap().k3s, before, "it was taken for dead");
    signal("-CONT");
    gateway.wait_ready();
    assert_eq!(gateway.status().unwrap().k3s, before);
}

fn report(what: &str, wall: Duration, gateway: &Gateway) {
    let ready = gateway.status().and_then(|s| s.ready_after_ms).unwrap_or_default();
    let line =
        format!("measured: {what}: {} ms in all, ready {ready} ms after process 1\n", wall.as_millis());
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
}

fn serves_only_clients_with_our_certificate(gateway: &Gateway) {
    assert_eq!(gateway.grpc_health(true).ok().trim(), "SERVING");
    let refused = gateway.grpc_health(false);
    assert_ne!(refused.code, 0, "a client without a certificate was served: {refused:#?}");
}

fn host_files_are_private(gateway: &Gateway) {
    let mode = |name: &str| {
        std::fs::metadata(gateway.certificates().join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("tls.key")), (0o700, 0o600));
}

fn process_1_is_ours_and_no_zombie_is_left(gateway: &Gateway) {
    let processes = gateway.processes();
    let pid_1 = gateway.inspect("{{.State.Pid}}");
    let ours =
        |line: &str| line.split_whitespace().next() == Some(&pid_1) && line.ends_with("openshell-init");
    assert!(processes.lines().any(ours), "process 1 is not openshell-init:\n{processes}");
    gateway.wait("no zombie is left", || {
        !gateway
            .processes()
            .lines()
            .any(|l| l.split_whitespace().nth(2).is_some_and(|stat| stat.starts_with('Z')))
    });
}

fn node_and_pods_know_the_host_by_name(gateway: &Gateway) {
    let hosts = gateway.exec(&["cat", "/etc/hosts"]).ok();
    let line = hosts.lines().find(|line| line.contains("host.openshell.internal"));
    let address = line.and_then(|line| line.split_whitespace().next()).unwrap_or_else(|| panic!("{hosts}"));
    let aliases = ["get", "pod", "openshell-0", "-o", "jsonpath={.spec.hostAliases}"];
    let aliases = gateway.kubectl(&aliases, "").ok();
    assert!(aliases.contains(address) && aliases.contains("host.openshell.internal"), "{hosts} {aliases}");
}

fn gateway_start_on_a_running_gateway_restores_host_files(gateway: &Gateway) {
    let container = gateway.inspect("{{.Id}} {{.State.StartedAt}}");
    std::fs::remove_dir_all(gateway.config().join("openshell")).unwrap();
    // Docker is asked, and no file.
    let status = gateway.openshell(&["status"]);
    assert!(status.code == 0 && status.stdout.contains("no client certificates"), "{status:#?}");
    let _ = gateway.openshell(&["start"]).ok();
    assert_eq!(gateway.inspect("{{.Id}} {{.State.StartedAt}}"), container);
    host_files_are_private(gateway);
    let metadata: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(gateway.metadata()).unwrap()).unwrap();
    assert_eq!(metadata["gateway_endpoint"], format!("https://127.0.0.1:{}", gateway.port));
}

fn certificates_are_handed_out_where_they_are_wanted(gateway: &Gateway) {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = dir.path().join("certs");
    let printed = gateway.openshell(&["certs", "export", "--output", &elsewhere.display().to_string()]).ok();
    assert_eq!(printed.trim(), elsewhere.display().to_string());
    assert_eq!(gateway.grpc_health_with(&elsewhere, true).ok().trim(), "SERVING");
    let stored = gateway.openshell(&["certs", "export"]);
    assert!(stored.stderr.contains("already there"), "{stored:#?}");
}

fn status_tells_what_people_ask(gateway: &Gateway) {
    let status = gateway.status().unwrap();
    assert_eq!(status.phase, Phase::Ready);
    let text = gateway.openshell(&["status"]).ok();
    for wanted in ["ready", &status.node.unwrap().name, "revision"] {
        assert!(text.contains(wanted), "no {wanted:?} in:\n{text}");
    }
    let health = gateway.exec(&["openshell-init", "health"]);
    assert_eq!((health.code, health.stdout.trim()), (0, "ready"));
}

/// Far above the real figures, which `scripts/bench host` tells: on a busy machine the quickest of some runs is
/// still one that had the processor for itself.
fn the_host_command_is_small_and_quick(gateway: &Gateway) {
    let size = std::fs::metadata(openshell_bin()).unwrap().len();
    let quickest = |run: &dyn Fn()| {
        let time = |()| {
            let begin = Instant::now();
            run();
            begin.elapsed()
        };
        std::iter::repeat_n((), 10).map(time).min().unwrap()
    };
    let help = quickest(&|| drop(run(Command::new(openshell_bin()).arg("--help"), "").ok()));
    let status = quickest(&|| drop(gateway.openshell(&["status"]).ok()));
    let line = format!("measured: openshell: {size} bytes, --help {help:?}, status {status:?}\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
    // One that was chosen may be a build for debugging.
    assert!(size < 12_000_000 || std::env::var_os("OPENSHELL_BIN").is_some(), "{size} bytes");
    assert!(help < Duration::from_millis(50) && status < Duration::from_millis(500), "{line}");
}

fn what_was_stopped_stays_so(gateway: &Gateway) {
    if daemon::restart() {
        assert_eq!(gateway.inspect("{{.State.Running}}"), "false");
    }
}

fn stop_is_quick_and_clean(gateway: &Gateway) {
    let begin = Instant::now();
    // Docker's own default, which the container's longer one doesn't hide.
    let _ = docker(&["stop", "-t", "10", &gateway.object()]).ok();
    let took = begin.elapsed();
    report_stop(took);
    assert_eq!(gateway.inspect("{{.State.ExitCode}}"), "0");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(gateway.openshell(&["status"]).code, 13);
}

fn report_stop(took: Duration) {
    let line = format!("measured: docker stop: {} ms\n", took.as_millis());
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
}
