//! Bad input: one error that names it, with the remedy, and nothing created, deleted or half done.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_contract::reason::Reason;
use openshell_contract::status::{Phase, Status};
use openshell_e2e::gateway::{cluster_image, openshell_bin};
use openshell_e2e::{Gateway, docker, run};
use std::net::TcpListener;
use std::process::Command;

/// Runs the image with `args` before its name, waits until it says that it failed, and returns its status.
fn failing(gateway: &Gateway, args: &[&str]) -> Status {
    let (object, image) = (gateway.object(), cluster_image());
    let _ = docker(&[&["run", "-d", "--name", &object, "--init=false"], args, &[&image]].concat()).ok();
    gateway.wait("it failed", || gateway.status().is_some_and(|s| s.phase == Phase::Failed));
    let status = gateway.status().unwrap();
    assert_eq!(status.k3s.pid, None, "k3s was started");
    assert!(!gateway.processes().contains("k3s"), "k3s was started");
    let health = gateway.exec(&["openshell-init", "health"]);
    assert_eq!(health.code, 1, "{health:#?}");
    assert!(health.stdout.contains(status.problems[0].reason.code()), "{health:#?}");
    status
}

fn volume(gateway: &Gateway) -> String {
    format!("{}:/var/lib/rancher/k3s", gateway.object())
}

#[test]
fn a_malformed_setting_is_named_and_k3s_is_not_started() {
    let gateway = Gateway::new("setting");
    let env = [
        ["--env", "OPENSHELL_STOP_TIMEOUT=soon"],
        ["--env", "DISABLE_TLS=perhaps"],
        ["--env", "OPENSHELL_LOG_FORMAT=json"],
    ];
    let status =
        failing(&gateway, &[&["--privileged", "-v", &volume(&gateway)], env.as_flattened()].concat());
    let problem = &status.problems[0];
    assert_eq!(problem.reason, Reason::InvalidSetting);
    for wanted in ["OPENSHELL_STOP_TIMEOUT", "\"soon\"", "2 to 3600", "DISABLE_TLS", "\"perhaps\""] {
        assert!(problem.message.contains(wanted), "no {wanted} in {}", problem.message);
    }
    assert!(!problem.remedy.is_empty());
    let log = docker(&["logs", &gateway.object()]).stderr;
    assert!(log.lines().count() > 2 && log.lines().all(|l| l.starts_with('{') && l.ends_with('}')), "{log}");
    assert!(log.lines().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()), "{log}");
    // It stays up to tell, and a stop is still a clean one.
    assert_eq!(gateway.inspect("{{.State.Running}} {{.RestartCount}}"), "true 0");
    let _ = docker(&["stop", &gateway.object()]).ok();
    assert_eq!(gateway.inspect("{{.State.ExitCode}}"), "0");
}

#[test]
fn without_privileges_it_says_which_are_missing() {
    let gateway = Gateway::new("unprivileged");
    let status = failing(&gateway, &["-v", &volume(&gateway)]);
    assert_eq!(status.problems[0].reason, Reason::NotPrivileged);
    assert!(status.problems[0].message.contains("CAP_SYS_ADMIN"), "{:?}", status.problems);
}

#[test]
fn a_foreign_volume_is_left_as_it_is() {
    let gateway = Gateway::new("foreign");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("holiday.jpg"), "x").unwrap();
    let mount = format!("{}:/var/lib/rancher/k3s", dir.path().display());
    let status = failing(&gateway, &["--privileged", "-v", &mount]);
    assert_eq!(status.problems[0].reason, Reason::ForeignVolume);
    assert!(status.problems[0].message.contains("holiday.jpg"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "something was written");
}

#[test]
fn a_volume_of_a_newer_release_is_left_as_it_is() {
    let gateway = Gateway::new("newer");
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("openshell");
    std::fs::create_dir(&state).unwrap();
    let version = state.join("version");
    std::fs::write(&version, "999\n").unwrap();
    let status =
        failing(&gateway, &["--privileged", "-v", &format!("{}:/var/lib/rancher/k3s", dir.path().display())]);
    assert_eq!(status.problems[0].reason, Reason::NewerState);
    assert_eq!(std::fs::read_to_string(&version).unwrap(), "999\n");
    let others = std::fs::read_dir(&state).unwrap().map(|e| e.unwrap().file_name());
    let others: Vec<_> = others.filter(|name| name != "version" && name != "lock").collect();
    assert!(others.is_empty(), "something was written: {others:?}");
}

#[test]
fn a_second_container_on_the_same_volume_is_refused() {
    let (first, second) = (Gateway::new("volume-a"), Gateway::new("volume-b"));
    let _ = first.start(&["--no-wait"]).ok();
    first.wait("the first one took the volume", || {
        first.status().is_some_and(|s| s.stages.iter().any(|s| s.name == "k3s" && s.took_ms.is_some()))
    });
    let status = failing(&second, &["--privileged", "-v", &volume(&first)]);
    assert_eq!(status.problems[0].reason, Reason::VolumeInUse);
}

#[test]
fn boot_refuses_to_be_another_process_than_1() {
    let image = cluster_image();
    let refused = docker(&["run", "--rm", "--init", &image]);
    assert_eq!(refused.code, 64, "{refused:#?}");
    assert!(refused.stderr.contains("--init=false"), "{refused:#?}");
}

#[test]
fn the_host_command_refuses_before_it_changes_anything() {
    let gateway = Gateway::new("refusals");
    let created = || docker(&["container", "inspect", &gateway.object()]).code == 0;

    let missing = gateway.openshell(&["start", "--image", "openshell-e2e/no-such-image:none"]);
    assert_ne!(missing.code, 0);
    assert!(missing.stderr.contains("openshell-e2e/no-such-image:none") && !created(), "{missing:#?}");

    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let taken = gateway.openshell(&["start", "--image", &cluster_image(), "--port", &port]);
    assert_eq!(taken.code, 11, "{taken:#?}");
    assert!(taken.stderr.contains(&port) && !created(), "{taken:#?}");

    let publisher = format!("{}-publisher", gateway.object());
    let _ = docker(&["rm", "-f", &publisher]);
    let run_it = ["run", "-d", "--name", &publisher, "-p", "127.0.0.1::1", "--entrypoint", "sleep"];
    let _ = docker(&[&run_it[..], &[&cluster_image(), "600"]].concat()).ok();
    let address = docker(&["port", &publisher, "1"]).ok();
    let port = address.trim().rsplit(':').next().unwrap().to_owned();
    let taken = gateway.openshell(&["start", "--image", &cluster_image(), "--port", &port]);
    let _ = docker(&["rm", "-f", &publisher]).ok();
    assert_eq!(taken.code, 11, "{taken:#?}");
    assert!(taken.stderr.contains(&format!("docker stop {publisher}")) && !created(), "{taken:#?}");

    for (asked, id) in [
        (["--cpus", "4096"], "[TOO_FEW_PROCESSORS]"),
        (["--gpu=no.such/device=0", "--no-wait"], "[GPU_UNAVAILABLE]"),
    ] {
        let lacking = gateway.start(&asked);
        assert_eq!(lacking.code, 21, "{lacking:#?}");
        assert!(lacking.stderr.contains(id) && lacking.stderr.contains("  hint:  "), "{lacking:#?}");
        assert!(!created() && docker(&["volume", "inspect", &gateway.object()]).code != 0, "{lacking:#?}");
    }

    let mut no_docker = Command::new(openshell_bin());
    no_docker.args(["gateway", "start"]).env("DOCKER_HOST", "unix:///no/such/docker.sock");
    let no_docker = run(&mut no_docker, "");
    assert_eq!(no_docker.code, 19, "{no_docker:#?}");
    assert!(no_docker.stderr.contains("/no/such/docker.sock"), "{no_docker:#?}");

    let _ = docker(&["create", "--name", &gateway.object(), &cluster_image()]).ok();
    let foreign = gateway.start(&[]);
    assert_eq!(foreign.code, 11, "{foreign:#?}");
    assert!(created(), "a foreign container was removed");
}

#[test]
fn a_first_start_that_fails_keeps_its_evidence() {
    let gateway = Gateway::new("evidence");
    let failed = gateway.start(&["--env", "OPENSHELL_STOP_TIMEOUT=soon"]);
    assert_eq!(failed.code, 22, "{failed:#?}");
    for wanted in
        ["failed in stage config [GATEWAY_FAILED]", "cause: InvalidSetting: ", "  log:   ", "  hint:  "]
    {
        assert!(failed.stderr.contains(wanted), "no {wanted:?} in {failed:#?}");
    }
    assert_eq!(gateway.inspect("{{.State.Running}}"), "true");
    assert_eq!(docker(&["volume", "inspect", &gateway.object()]).code, 0);
    assert!(gateway.openshell(&["logs"]).stderr.contains("InvalidSetting"));
    let status = gateway.openshell(&["status"]);
    assert!(status.code == 1 && status.stdout.contains("Remedy:"), "{status:#?}");
}

#[test]
fn no_data_volume_is_a_named_failure() {
    // The image declares the volume, so only an explicit tmpfs or a bind of nothing gets here: a volume
    // that was unmounted in a namespace of its own.
    let gateway = Gateway::new("no-volume");
    let script = "umount /var/lib/rancher/k3s && exec unshare --pid --fork --mount-proc openshell-init boot";
    let (object, image) = (gateway.object(), cluster_image());
    let mut args = vec!["run", "-d", "--privileged", "--name", &object];
    args.extend(["--entrypoint", "/bin/sh", &image, "-c", script]);
    let _ = docker(&args).ok();
    // Docker's exec doesn't follow into the namespaces that the script made; the log does.
    gateway.wait("the log names the reason", || {
        docker(&["logs", &gateway.object()]).stderr.contains(Reason::NoDataVolume.code())
    });
}
