//! The limit: the same node, started without anything of ours and told by hand what to run.

use crate::node::Node;
use crate::probe::Probe;
use crate::samples::{Measure, Samples};
use crate::{BARE, programs, timed};
use openshell_e2e::docker;
use std::path::Path;
use std::time::Instant;

/// Measures one life of a bare node that runs `manifests`.
pub fn round(samples: &mut Samples, work: &Path, manifests: &str) {
    let begin = Instant::now();
    let command = ["server", "--disable=traefik", "--node-name=bare", "--kubelet-arg=fail-cgroupv1=false"];
    let node = Node::create("openshell-bench-bare", programs::NODE_IMAGE, &[], &command);
    import_images(&node);
    node.start();
    node.wait_for_api();
    let _ = node.kubectl(&["apply", "-f", "-"], manifests).ok();
    let probe = Probe { port: node.port, certificates: work.join("certificates") };
    samples.add(Measure::First, BARE, probe.since(begin));

    samples.add(Measure::Stop, BARE, timed(|| node.stop()));
    let begin = Instant::now();
    node.start();
    samples.add(Measure::Resume, BARE, probe.since(begin));
}

/// Puts the workload's archives where the node imports them from when it starts.
fn import_images(node: &Node) {
    let images = programs::root().join("target/image/images");
    let target = format!("{}:/var/lib/rancher/k3s/agent", node.name);
    let staging = tempfile::tempdir().expect("a directory");
    let agent = staging.path().join("images");
    std::fs::create_dir(&agent).expect("a directory in it");
    for entry in std::fs::read_dir(&images).expect("scripts/test --lane image made archives").flatten() {
        std::fs::copy(entry.path(), agent.join(entry.file_name())).expect("a copy");
    }
    let _ = docker(&["cp", &staging.path().display().to_string(), &target]).ok();
}
