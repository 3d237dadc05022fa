//! Which of the kernel's two packet filters is used: `nf_tables`, or the older `ip_tables`.
//!
//! They don't see each other's rules, so that kube-proxy, the CNI plugins and we have to use the same one, and
//! best the one that Docker uses in the container. k3s's own wrapper decides by counting rules at its first
//! call and rewrites links in the image (k3s-root `iptables-detect.sh`); here it is decided once for each start,
//! and handed to all of them as a directory at the front of `PATH`.

mod choice;
mod programs;

use crate::exec::{self, ExecError};
use crate::failure::{Context, Failure};
use choice::Backend;
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use openshell_pid1::Broker;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tracing::debug;

/// Listing rules can take for ever where the kernel has very many (kind #2515).
const LIMIT: Duration = Duration::from_secs(5);
/// A rule as kube-proxy and kube-router write them: with a comment, which some kernels lack.
const PROBE: &str = "*filter\n:OPENSHELL-PROBE - [0:0]\n\
                     -A OPENSHELL-PROBE -m comment --comment openshell -j RETURN\nCOMMIT\n";
const UNPROBE: &str = "*filter\n-F OPENSHELL-PROBE\n-X OPENSHELL-PROBE\nCOMMIT\n";

/// The programs of the packet filter that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iptables {
    /// Where they are, if there is a choice.
    directory: Option<PathBuf>,
    /// For the status.
    pub detail: String,
    /// What does not work with it.
    pub warning: Option<String>,
}

impl Iptables {
    /// Chooses: what a person says, or else where Docker has put its rules, unless it doesn't work there.
    pub async fn choose(broker: &Broker, legacy: Option<bool>) -> Result<Self, Failure> {
        let (rules, works) = (Counts::take(broker).await, |backend| probe(broker, backend));
        let mut order = choice::order(legacy, rules.legacy, rules.nft);
        order.retain(|backend| programs::find(&backend.program("iptables-restore")).is_some());
        let Some(first) = order.first().copied() else {
            // An image with one of them, whichever.
            return Ok(Self { directory: None, detail: "the only one".to_owned(), warning: None });
        };
        let mut refused = Vec::new();
        for backend in order {
            match works(backend).await {
                Ok(()) => return Self::link(backend, &rules, None),
                Err(e) => refused.push(e.to_string()),
            }
        }
        let warning = format!(
            "the kernel refuses rules with comments, so that network policies are not enforced, and Services may \
             not work: {}",
            refused.join("; ")
        );
        Self::link(first, &rules, Some(warning))
    }

    fn link(backend: Backend, rules: &Counts, warning: Option<String>) -> Result<Self, Failure> {
        let directory = Path::new(path::RUN).join("iptables");
        programs::link(&directory, backend)
            .failing(Reason::NodePreparation, || format!("can't make links in {}", directory.display()))?;
        let detail = format!("{backend}; rules found: {} legacy, {} nft", rules.legacy, rules.nft);
        Ok(Self { directory: Some(directory), detail, warning })
    }

    /// A program of it.
    pub fn command(&self, program: &str) -> Command {
        Command::new(self.directory.as_ref().map_or_else(|| program.into(), |dir| dir.join(program)))
    }

    /// What k3s has to be told.
    pub fn k3s_args(&self) -> Vec<String> {
        // kube-router ends k3s when its rules are refused.
        self.warning.iter().map(|_| "--disable-network-policy".to_owned()).collect()
    }

    /// `PATH` for k3s and its children.
    pub fn path(&self) -> Option<String> {
        let inherited = std::env::var("PATH").unwrap_or_default();
        self.directory.as_ref().map(|dir| format!("{}:{inherited}", dir.display()))
    }
}

/// How many rules there are, up to a few dozen; none where that can't be told.
struct Counts {
    legacy: usize,
    nft: usize,
}

impl Counts {
    async fn take(broker: &Broker) -> Self {
        let (legacy, nft) = tokio::join!(count(broker, Backend::Legacy), count(broker, Backend::Nft));
        Self { legacy, nft }
    }
}

async fn count(broker: &Broker, backend: Backend) -> usize {
    let Some(program) = programs::find(&backend.program("iptables-save")) else { return 0 };
    match exec::run(broker, Command::new(program), Vec::new(), LIMIT).await {
        Ok(listed) => choice::rules(&listed),
        Err(e) => {
            debug!("can't count the {backend} rules: {e}");
            0
        }
    }
}

async fn probe(broker: &Broker, backend: Backend) -> Result<(), ExecError> {
    let restore = |input: &str| {
        let mut command = Command::new(backend.program("iptables-restore"));
        command.args(["--wait", "3", "--noflush"]);
        exec::run(broker, command, input.as_bytes().to_vec(), LIMIT)
    };
    let probed = restore(PROBE).await;
    // What the kernel did not take need not be taken away; an empty chain harms nobody.
    if let Err(e) = restore(UNPROBE).await {
        debug!("{e}");
    }
    probed.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_left_out_with_a_warning_and_never_without() {
        let chosen = |warning: Option<&str>| Iptables {
            directory: None,
            detail: String::new(),
            warning: warning.map(str::to_owned),
        };
        assert_eq!(chosen(Some("the kernel refuses")).k3s_args(), ["--disable-network-policy"]);
        assert!(chosen(None).k3s_args().is_empty());
    }
}
