//! Keeps pod and service traffic inside the node.
//!
//! After a restart kube-proxy's rules of the first seconds still translate the `NodePort` to the address
//! of a pod that is gone, while the pod network has no route yet: the packets then leave through the
//! uplink, to whoever has that address outside. Dropping them at the way out leaves the pod network's
//! own routes as the only way. `mangle POSTROUTING` sees forwarded and local packets, after translation.

use super::PODS_AND_SERVICES;
use super::iptables::Iptables;
use crate::exec;
use crate::failure::{Context, Failure};
use openshell_contract::reason::Reason;
use openshell_pid1::Broker;
use std::time::Duration;

/// More than the few milliseconds that it takes, even when another program holds the lock.
const LIMIT: Duration = Duration::from_secs(5);

/// Closes the ranges towards `interface`, in the packet filter that kube-proxy will use.
pub async fn close(broker: &Broker, iptables: &Iptables, interface: &str) -> Result<(), Failure> {
    let mut command = iptables.command("iptables-restore");
    command.args(["--wait", "3", "--noflush"]);
    exec::run(broker, command, rules(interface).into_bytes(), LIMIT)
        .await
        .map(drop)
        .failing(Reason::NodePreparation, || {
            format!("can't keep pod traffic from leaving through {interface}")
        })
}

/// Rules in `iptables-save` form. Naming the chain first empties it, so that a second run adds nothing.
fn rules(interface: &str) -> String {
    let drops = PODS_AND_SERVICES
        .map(|range| format!("-A OPENSHELL-SEAL -o {interface} -d {range} -j DROP\n"))
        .concat();
    format!("*mangle\n:OPENSHELL-SEAL - [0:0]\n{drops}-A POSTROUTING -j OPENSHELL-SEAL\nCOMMIT\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ranges_are_closed_towards_the_uplink() {
        let rules = rules("eth0");
        assert!(rules.contains("-A OPENSHELL-SEAL -o eth0 -d 10.42.0.0/16 -j DROP\n"));
        assert!(rules.contains("-A OPENSHELL-SEAL -o eth0 -d 10.43.0.0/16 -j DROP\n"));
        assert!(rules.ends_with("COMMIT\n"));
    }
}
