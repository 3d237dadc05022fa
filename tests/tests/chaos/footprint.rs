//! What a gateway takes up, which must not become more from round to round.

use openshell_contract::names::host;
use openshell_e2e::{Gateway, docker};
use std::fs;
use std::path::PathBuf;

/// By how much what follows the connections may differ between two quiet moments.
const SLACK: usize = 8;

/// Counts, and by how much each may differ.
#[derive(Clone, Debug)]
pub(crate) struct Footprint(Vec<(&'static str, usize, usize)>);

impl Footprint {
    pub(crate) fn of(gateway: &Gateway) -> Self {
        let process = PathBuf::from("/proc").join(gateway.inspect("{{.State.Pid}}"));
        let entries = |dir: &str| fs::read_dir(process.join(dir)).map_or(0, Iterator::count);
        let processes = gateway.processes();
        let like = |pattern: &str| processes.lines().filter(|line| line.contains(pattern)).count();
        let label = format!("label={}={}", host::GATEWAY_LABEL, gateway.name);
        let docker_has =
            |what: &[&str]| docker(&[what, &["--quiet", "--filter", &label]].concat()).stdout.lines().count();
        let mounts = fs::read_to_string(process.join("mountinfo")).unwrap_or_default();
        Self(vec![
            ("descriptors of process 1", entries("fd"), SLACK),
            ("threads of process 1", entries("task"), SLACK),
            ("mounts", mounts.lines().count(), SLACK),
            ("zombies", like(" Z"), 0),
            ("shims", like("containerd-shim"), 0),
            ("pods' networks", gateway.exec(&["ls", "/run/netns"]).stdout.lines().count(), 0),
            ("containers", docker_has(&["ps", "--all"]), 0),
            ("networks", docker_has(&["network", "ls"]), 0),
            ("volumes", docker_has(&["volume", "ls"]), 0),
        ])
    }

    /// What is more than it was `before`, if anything.
    pub(crate) fn grown(&self, before: &Self) -> Option<String> {
        let pairs = self.0.iter().zip(&before.0);
        let more = pairs.filter(|((_, now, slack), (_, before, _))| *now > before + slack);
        let told: Vec<_> =
            more.map(|((what, now, _), (_, before, _))| format!("{now} {what}, {before} before")).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}
