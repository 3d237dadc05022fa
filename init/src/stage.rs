//! The stages of a start: names, and how long each may go without progress before it is a problem.

use openshell_contract::reason::Reason;
use std::time::Duration;

macro_rules! stages {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $seconds:literal, $overdue:ident;)+) => {
        /// A stage, in the order of the boot graph.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Stage { $($(#[doc = $doc])+ $name,)+ }

        impl Stage {
            /// Every stage.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name in the status document.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// How long it may go without progress.
            pub const fn deadline(self) -> Duration {
                match self { $(Self::$name => Duration::from_secs($seconds),)+ }
            }

            /// The reason that is given when it goes without progress for longer.
            pub const fn overdue(self) -> Reason {
                match self { $(Self::$name => Reason::$overdue,)+ }
            }
        }
    };
}

stages! {
    /// Privileges and the data volume are as a node needs them.
    Volume = "volume", 10, StateUnusable;
    /// The settings are read, merged and remembered.
    Config = "config", 10, InvalidSetting;
    /// Control groups are ready for kubelet.
    Cgroup = "cgroup", 10, NodePreparation;
    /// Mounts are shared, and the kernel's interfaces writable.
    Mounts = "mounts", 10, NodePreparation;
    /// The kernel has what a node needs, and enough of it.
    Kernel = "kernel", 10, NodePreparation;
    /// What an unclean stop left behind is gone.
    Leftovers = "leftovers", 10, NodePreparation;
    /// The node has an address and a default route.
    Route = "route", 30, NoDefaultRoute;
    /// Nobody else has the ports that the node needs.
    Ports = "ports", 10, PortInUse;
    /// It is known which of the kernel's packet filters is used.
    Iptables = "iptables", 30, NodePreparation;
    /// Pod and service addresses can't leave through the uplink.
    Seal = "seal", 10, NodePreparation;
    /// Pods have a resolver that they can reach.
    Dns = "dns", 10, NodePreparation;
    /// k3s knows the registry.
    Registries = "registries", 10, StateUnusable;
    /// The node is the one that it was.
    Identity = "identity", 10, StateUnusable;
    /// The image's container images are where k3s imports them from.
    Images = "images", 60, StateUnusable;
    /// k3s runs.
    K3s = "k3s", 10, K3sNotStarted;
    /// The Kubernetes API is ready.
    Api = "api", 120, ApiUnavailable;
    /// The namespace exists.
    Namespace = "namespace", 30, ApiRequest;
    /// The SSH handshake Secret is there and usable.
    Ssh = "ssh-secret", 30, ApiRequest;
    /// Certificates and keys are there and verify.
    Pki = "pki", 30, ApiRequest;
    /// The image's objects are applied.
    Manifests = "manifests", 30, ApiRequest;
    /// Nodes that were ours and are gone are out of the cluster.
    Nodes = "nodes", 30, ApiRequest;
    /// The chart is deployed.
    Chart = "chart", 120, ChartFailed;
    /// The gateway's pod runs what the chart says, and its port answers with our certificate.
    Gateway = "gateway", 180, GatewayNotReady;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn each_stage_is_in_the_pictures_of_a_start() {
        let read =
            |file: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let (readme, boot) = (read("../README.md"), read("src/boot.rs"));
        let picture = readme.split_once("```mermaid").unwrap().1.split_once("```").unwrap().0;
        let comment: String = boot.lines().take_while(|line| line.starts_with("//!")).collect();
        for stage in Stage::ALL {
            let drawn = |text: &str| {
                text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == stage.name())
            };
            assert!(drawn(picture), "README.md: {} is missing", stage.name());
            assert!(drawn(comment.as_str()), "init/src/boot.rs: {} is missing", stage.name());
        }
    }
}
