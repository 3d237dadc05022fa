//! The way it was done before: a shell script as process 1 (`shell/`), Secrets that the host pushes into the
//! cluster by `docker exec`, and a host that looks every two seconds whether Docker calls the node healthy.

use crate::node::Node;
use crate::probe::{Probe, poll};
use crate::samples::{Measure, Samples};
use crate::{SHELL, gateway, timed};
use openshell_e2e::docker;
use openshell_e2e::original::SECRETS;
use std::path::Path;
use std::time::{Duration, Instant};

/// The image that `scripts/bench` builds from `shell/`.
pub const IMAGE: &str = "openshell-test/shell-node:dev";
/// Between two looks at Docker's verdict.
const HEALTH_POLL: Duration = Duration::from_secs(2);
/// Between two attempts to list the nodes.
const NODES_POLL: Duration = Duration::from_secs(3);
/// The first and the longest pause between two looks for the namespace.
const NAMESPACE_POLL: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// Measures one life of such a node, which gets the Secrets among `manifests`.
pub fn round(samples: &mut Samples, work: &Path, manifests: &str) {
    let secrets = manifests.split("\n---\n").skip(1).take(SECRETS.len()).collect::<Vec<_>>().join("\n---\n");
    let begin = Instant::now();
    let node = Node::create(
        "openshell-bench-shell",
        IMAGE,
        &["--add-host", "host.docker.internal:host-gateway"],
        &["server", "--disable=traefik", "--node-name=shell"],
    );
    let probe = Probe { port: node.port, certificates: work.join("certificates") };
    let (serves, returns) = crate::beside_since(begin, &probe, || deploy(&node, &secrets));
    samples.add(Measure::First, SHELL, returns.max(serves));
    samples.add(Measure::Health, SHELL, gateway::health(node.name, "healthcheck", 3));

    samples.add(Measure::Stop, SHELL, timed(|| node.stop()));
    let begin = Instant::now();
    node.start();
    samples.add(Measure::Resume, SHELL, probe.since(begin));

    let _ = node.stop();
    let (serves, returns) = crate::beside(&probe, || deploy(&node, &secrets));
    samples.add(Measure::Command, SHELL, returns);
    samples.add(Measure::Tail, SHELL, (returns - serves).max(0.0));
}

/// What the host's command did, of a first start and of a resume.
fn deploy(node: &Node, secrets: &str) {
    node.start();
    // Stale nodes: there is none, but it has to ask.
    while node.kubectl(&["get", "nodes", "-o", "name"], "").code != 0 {
        std::thread::sleep(NODES_POLL);
    }
    let (mut pause, longest) = NAMESPACE_POLL;
    while node.kubectl(&["get", "namespace", "openshell"], "").code != 0 {
        std::thread::sleep(pause);
        pause = (pause * 2).min(longest);
    }
    let missing = SECRETS.map(|name| node.kubectl(&["-n", "openshell", "get", "secret", name], "").code != 0);
    if missing.contains(&true) {
        let _ = node.kubectl(&["-n", "openshell", "apply", "-f", "-"], secrets).ok();
    }
    let mut first = true;
    poll("Docker calls it healthy", || {
        if !std::mem::take(&mut first) {
            std::thread::sleep(HEALTH_POLL);
        }
        docker(&["inspect", "--format", "{{.State.Health.Status}}", node.name]).stdout.trim() == "healthy"
    });
}
