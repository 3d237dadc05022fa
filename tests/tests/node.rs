//! What process 1 makes of the container before k3s starts: a node that is one machine over all its
//! containers, and that an unclean stop leaves nothing in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_contract::status::BootKind;
use openshell_e2e::gateway::cluster_image;
use openshell_e2e::{Gateway, docker, run};
use std::process::Command;

/// Starts a gateway by Docker alone, `/run` being part of the container, through a proxy that nobody
/// serves.
fn without_a_tmpfs(gateway: &Gateway) {
    let (object, image) = (gateway.object(), cluster_image());
    let volume = format!("{object}:/var/lib/rancher/k3s");
    let mut args = vec!["run", "-d", "--privileged", "--init=false", "--name", &object, "-v", &volume];
    args.extend(["--env", "HTTPS_PROXY=http://192.0.2.1:3128", "--env", "NO_PROXY=example.com", &image]);
    let _ = docker(&args).ok();
}

fn file(gateway: &Gateway, path: &str) -> String {
    gateway.exec(&["cat", path]).ok()
}

/// The number that a shell command in the container prints, if it runs.
fn count(gateway: &Gateway, command: &str) -> Option<usize> {
    gateway.exec(&["sh", "-c", command]).stdout.trim().parse().ok()
}

/// Leaves what a crash leaves between the steps of a pod's start, which nobody comes back to: an address, and
/// a network namespace's name, of a sandbox that containerd has not noted down yet.
fn leave_half_a_pod(gateway: &Gateway) {
    let script = "set -e; leases=$(echo /var/lib/cni/networks/*/); echo unknown > ${leases%% *}10.42.0.200; \
                  : > /run/netns/cni-half-a-pod";
    let _ = gateway.exec(&["sh", "-c", script]).ok();
}

/// Waits until as many addresses are taken, and network namespaces there, as there are pods with a network
/// of their own.
fn only_living_pods_have_a_network(gateway: &Gateway) {
    gateway.wait("no lease or namespace is left of a pod that is gone", || {
        let addresses =
            gateway.kubectl(&["get", "pods", "-A", "-o", "jsonpath={.items[*].status.podIP}"], "");
        let pods = addresses.stdout.split(' ').filter(|ip| ip.starts_with("10.42.")).count();
        let leases = count(gateway, "find /var/lib/cni/networks -name '10.42.*' | wc -l");
        let namespaces =
            count(gateway, "find /run/netns /var/run/netns -type f 2>/dev/null | sort -u | wc -l");
        // Listed twice where /var/run is a link.
        let is_fair = |namespaces| (pods..=2 * pods).contains(&namespaces);
        pods > 0 && leases == Some(pods) && namespaces.is_some_and(is_fair)
    });
}

/// The kernel never chooses process 1, or the log says that it could not be told so; its children are
/// chosen as any other.
fn memory_pressure_spares_process_1(gateway: &Gateway, child: u32) {
    let score = |pid: u32| file(gateway, &format!("/proc/{pid}/oom_score_adj")).trim().to_owned();
    let log = docker(&["logs", &gateway.object()]);
    let told = [log.stdout, log.stderr].iter().any(|text| text.contains("may choose process 1 as any other"));
    assert_eq!(score(1) == "-1000", !told, "{}", score(1));
    assert_ne!(score(child), "-1000");
}

/// What the start made of the container before k3s.
fn the_node_is_prepared(gateway: &Gateway) {
    assert!(mounts_are_shared(gateway));
    let status = gateway.status().unwrap();
    let detail = |stage: &str| status.stages.iter().find(|s| s.name == stage).unwrap().detail.clone();
    assert!(detail("kernel").contains("overlayfs"), "{}", detail("kernel"));
    let limits = file(gateway, "/proc/1/limits");
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let soft: u64 = files.split_whitespace().next().unwrap().parse().unwrap();
    assert!(soft >= 64_000 || status.warnings.iter().any(|w| w.contains("files may be open")), "{soft}");
    for (name, least) in [("max_user_instances", 512), ("max_user_watches", 524_288)] {
        let value: u64 = file(gateway, &format!("/proc/sys/fs/inotify/{name}")).trim().parse().unwrap();
        let told = status.warnings.iter().any(|w| w.contains(name));
        assert!(value >= least || told, "{name} is {value}: {:?}", status.warnings);
    }
    memory_pressure_spares_process_1(gateway, status.k3s.pid.unwrap());
    let unified = detail("cgroup").starts_with("cgroup v2");
    let group = file(gateway, "/proc/1/cgroup");
    assert!(!unified || group.trim().ends_with("/init"), "{group}");
    assert_eq!(unified, status.warnings.iter().all(|w| !w.contains("cgroup v1")), "{:?}", status.warnings);
}

/// Whether every mount that pods' volumes are below is shared.
fn mounts_are_shared(gateway: &Gateway) -> bool {
    file(gateway, "/proc/1/mountinfo")
        .lines()
        .filter(|l| l.split(' ').nth(4) == Some("/"))
        .all(|l| l.contains("shared:"))
}

/// What a power cut leaves of images that were unpacked just before it, of a gateway that is stopped.
fn leave_half_an_image(gateway: &Gateway) {
    let format = "{{.Mountpoint}}";
    let data = docker(&["volume", "inspect", "--format", format, &gateway.object()]).ok().trim().to_owned();
    let script = "set -e; cd \"$1\"; echo another-boot >openshell/unpacking; \
                  programs=$(find agent/containerd -name openshell-server -size +0); test -n \"$programs\"; \
                  truncate -s 0 $programs";
    let _ = run(Command::new("sh").args(["-c", script, "sh", &data]), "").ok();
}

/// The gateway's program was emptied, and containerd believed it whole.
fn images_are_unpacked_anew(gateway: &Gateway) {
    let object = gateway.object();
    let _ = docker(&["stop", &object]).ok();
    leave_half_an_image(gateway);
    let _ = docker(&["start", &object]).ok();
    gateway.wait_ready();
    let status = gateway.status().unwrap();
    let removed = status.stages.iter().find(|s| s.name == "leftovers").unwrap();
    assert!(removed.detail.contains("half unpacked"), "{}", removed.detail);
}

#[test]
fn one_machine_over_unclean_stops_with_nothing_left_behind() {
    let gateway = Gateway::new("node");
    without_a_tmpfs(&gateway);
    gateway.wait_ready();
    let id = file(&gateway, "/etc/machine-id");
    assert_eq!(id.trim().len(), 32, "{id:?}");
    the_node_is_prepared(&gateway);
    let pid = gateway.status().unwrap().k3s.pid.unwrap();
    let environment = file(&gateway, &format!("/proc/{pid}/environ"));
    let exceptions = environment.split('\0').find_map(|e| e.strip_prefix("NO_PROXY=")).unwrap();
    assert!(
        exceptions.starts_with("example.com,localhost,") && exceptions.contains("10.43.0.0/16"),
        "{exceptions}"
    );

    let object = gateway.object();
    for _ in 0..3 {
        only_living_pods_have_a_network(&gateway);
        leave_half_a_pod(&gateway);
        let _ = docker(&["kill", &object]).ok();
        let _ = docker(&["start", &object]).ok();
        gateway.wait_ready();
        let status = gateway.status().unwrap();
        assert_eq!(status.boot, Some(BootKind::AfterCrash));
        let removed = status.stages.iter().find(|s| s.name == "leftovers").unwrap();
        assert_ne!(removed.detail, "0 removed", "an unclean stop left nothing: the test shows nothing");
        assert_eq!(file(&gateway, "/etc/machine-id"), id);
    }
    only_living_pods_have_a_network(&gateway);
    images_are_unpacked_anew(&gateway);

    let other = Gateway::new("node-other");
    without_a_tmpfs(&other);
    other.wait("it has a machine id", || other.exec(&["cat", "/etc/machine-id"]).stdout.len() == 33);
    assert_ne!(file(&other, "/etc/machine-id"), id);
}
