//! What process 1 makes of the container before k3s starts: a node that is one machine over all its
//! containers, and that an unclean stop leaves nothing in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_contract::status::{BootKind, Phase};
use openshell_e2e::gateway::cluster_image;
use openshell_e2e::{Gateway, docker};

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

/// How many entries the directories have whose content describes a run.
fn entries(gateway: &Gateway) -> usize {
    let list = "find /run/k3s /run/netns /run/flannel /var/lib/cni -mindepth 1 2>/dev/null | wc -l";
    gateway.exec(&["sh", "-c", list]).ok().trim().parse().unwrap()
}

/// Whether every mount that pods' volumes are below is shared.
fn mounts_are_shared(gateway: &Gateway) -> bool {
    file(gateway, "/proc/1/mountinfo")
        .lines()
        .filter(|l| l.split(' ').nth(4) == Some("/"))
        .all(|l| l.contains("shared:"))
}

#[test]
fn one_machine_over_unclean_stops_with_nothing_left_behind() {
    let gateway = Gateway::new("node");
    without_a_tmpfs(&gateway);
    gateway.wait_ready();
    let id = file(&gateway, "/etc/machine-id");
    assert_eq!(id.trim().len(), 32, "{id:?}");
    assert!(mounts_are_shared(&gateway));
    let pid = gateway.status().unwrap().k3s.pid.unwrap();
    let environment = file(&gateway, &format!("/proc/{pid}/environ"));
    let exceptions = environment.split('\0').find_map(|e| e.strip_prefix("NO_PROXY=")).unwrap();
    assert!(
        exceptions.starts_with("example.com,localhost,") && exceptions.contains("10.43.0.0/16"),
        "{exceptions}"
    );

    let object = gateway.object();
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let _ = docker(&["kill", &object]).ok();
        let _ = docker(&["start", &object]).ok();
        gateway.wait_ready();
        let status = gateway.status().unwrap();
        assert_eq!(status.boot, Some(BootKind::AfterCrash));
        let removed = status.stages.iter().find(|s| s.name == "leftovers").unwrap();
        assert_ne!(removed.detail, "0 removed", "an unclean stop left nothing: the test shows nothing");
        sizes.push(entries(&gateway));
        assert_eq!(file(&gateway, "/etc/machine-id"), id);
    }
    // The first restart may still have fewer pods than the later ones; growth would be a pod's worth each.
    assert!(sizes[2] <= sizes[1], "leftovers grow: {sizes:?}");
    assert_eq!(gateway.status().unwrap().phase, Phase::Ready);

    let other = Gateway::new("node-other");
    without_a_tmpfs(&other);
    other.wait("it has a machine id", || other.exec(&["cat", "/etc/machine-id"]).stdout.len() == 33);
    assert_ne!(file(&other, "/etc/machine-id"), id);
}
