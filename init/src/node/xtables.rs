//! Whether the kernel has the packet filter's parts that every rule of kube-proxy is made of.
//!
//! Asked of the kernel itself, by a chain that nothing leads to: lists of modules don't tell what is built
//! in, and the kernel loads a missing module when it is asked for.

use super::Prepared;
use crate::exec::{self, ExecError};
use crate::failure::{Context, Failure};
use openshell_contract::reason::Reason;
use openshell_pid1::Broker;
use std::process::Command;
use std::time::Duration;

/// Matches that kube-proxy can't do without (Kubernetes `pkg/proxy/iptables`), and their modules.
const NEEDED: [(&str, &str); 4] = [
    ("-m comment --comment openshell", "xt_comment"),
    ("-m conntrack --ctstate INVALID", "xt_conntrack"),
    ("-m addrtype --dst-type LOCAL", "xt_addrtype"),
    ("-m mark --mark 0x4000/0x4000", "xt_mark"),
];
/// More than the few milliseconds that it takes, even when another program holds the lock.
const LIMIT: Duration = Duration::from_secs(5);

/// Fails with the names of the modules that are missing.
pub async fn probe(broker: &Broker) -> Result<Prepared, Failure> {
    let Err(refusal) = accepts(broker, &NEEDED).await else { return Ok(Prepared::default()) };
    let mut missing = Vec::new();
    for part in NEEDED {
        if accepts(broker, &[part]).await.is_err() {
            missing.push(part.1);
        }
    }
    if missing.is_empty() {
        // It passed at the second try: the lock was held for long, or a module came.
        return Ok(Prepared::default());
    }
    Err(refusal).failing(Reason::KernelFeature, || {
        format!("the kernel refuses rules that kube-proxy needs: {} is missing", missing.join(", "))
    })
}

async fn accepts(broker: &Broker, parts: &[(&str, &str)]) -> Result<(), ExecError> {
    let mut command = Command::new("iptables-restore");
    command.args(["--wait", "3", "--noflush"]);
    exec::run(broker, command, rules(parts).into_bytes(), LIMIT).await.map(drop)
}

/// A chain with the rules, and its removal in a transaction of its own: in one, the legacy back end would
/// hand over only the result, which has no such rule.
fn rules(parts: &[(&str, &str)]) -> String {
    let rules = parts.iter().map(|(part, _)| format!("-A OPENSHELL-PROBE {part} -j RETURN\n"));
    format!(
        "*filter\n:OPENSHELL-PROBE - [0:0]\n{}COMMIT\n\
         *filter\n-F OPENSHELL-PROBE\n-X OPENSHELL-PROBE\nCOMMIT\n",
        rules.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_tried_and_nothing_is_left() {
        let rules = rules(&NEEDED);
        assert_eq!(rules.matches("-A OPENSHELL-PROBE -m ").count(), NEEDED.len());
        let (made, removed) = rules.split_once("COMMIT\n").unwrap();
        assert!(made.contains("--comment openshell -j RETURN\n"), "{made}");
        assert_eq!(removed, "*filter\n-F OPENSHELL-PROBE\n-X OPENSHELL-PROBE\nCOMMIT\n");
    }
}
