//! Why a gateway is not as it should be: one code for each cause, each with its remedy.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident => $code:literal, $remedy:literal;)+) => {
        /// The cause of a problem. Serialized as its code, which never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)+
            /// A code of a newer release that this one does not know.
            #[serde(other)]
            Unknown,
        }

        impl Reason {
            /// Every reason that this release can give.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable code, as in the status document.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ Self::Unknown => "Unknown" }
            }

            /// What it says of the gateway, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+),)+
                    Self::Unknown => " A code of a newer release.",
                }
                .trim_ascii()
            }

            /// What to do about it, in one sentence.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self {
                    $(Self::$name => $remedy,)+
                    Self::Unknown => "Update the openshell command to the release of the gateway image.",
                }
            }
        }
    };
}

reasons! {
    /// A setting has a value that is not allowed.
    InvalidSetting => "InvalidSetting",
        "Correct the named variable and recreate the container with `openshell gateway start`.";
    /// The container lacks a privilege that a Kubernetes node needs.
    NotPrivileged => "NotPrivileged",
        "Run the container with --privileged, as `openshell gateway start` does.";
    /// No volume is mounted on the data directory, so nothing would survive the container.
    NoDataVolume => "NoDataVolume",
        "Mount a volume on /var/lib/rancher/k3s, as `openshell gateway start` does.";
    /// The data volume holds something that is neither k3s data nor ours.
    ForeignVolume => "ForeignVolume",
        "Mount an empty volume or a gateway's own volume on /var/lib/rancher/k3s; nothing was written.";
    /// Another container uses the data volume at this moment.
    VolumeInUse => "VolumeInUse",
        "Stop the other container, `docker ps --filter volume=VOLUME` names it, then restart this one.";
    /// A file that PID 1 keeps in the volume can't be read or written.
    StateUnusable => "StateUnusable",
        "Check the named file in the volume: free space, read-only mount, or content that was edited.";
    /// A newer release has used the data volume.
    NewerState => "NewerState",
        "Start the gateway with the image of the newer release, or a later one; nothing was written.";
    /// The kernel or the container runtime refused to prepare the node.
    NodePreparation => "NodePreparation",
        "Read the message for the refused operation; it usually names a missing privilege or mount.";
    /// The kernel has not given the container a control group controller that kubelet needs.
    CgroupController => "CgroupController",
        "Enable the named controller on the host (kernel command line `cgroup_enable=`, or delegation by systemd), then restart the container.";
    /// No default route appeared.
    NoDefaultRoute => "NoDefaultRoute",
        "Check the container's Docker network; `docker network inspect` shows whether it has a gateway.";
    /// The container got another address while it ran.
    AddressChanged => "AddressChanged",
        "Restart the container: k3s, its certificates and its endpoints follow the address at a start.";
    /// A port that the node needs is taken.
    PortInUse => "PortInUse",
        "Stop the named process, or run the container in a Docker network of its own, as `openshell gateway start` does.";
    /// Pods can't resolve names.
    DnsUnavailable => "DnsUnavailable",
        "Check the resolvers of the host (`docker exec CONTAINER cat /etc/resolv.conf`), or set UPSTREAM_DNS to ones that the container reaches.";
    /// The image lacks a file that it should have.
    ImageIncomplete => "ImageIncomplete",
        "Rebuild or pull the cluster image; the named file belongs to it.";
    /// k3s can't be started.
    K3sNotStarted => "K3sNotStarted",
        "Check /bin/k3s in the image: present, executable, and of this machine's architecture.";
    /// The system has no process, descriptor or memory to give.
    Exhausted => "Exhausted",
        "End what uses them up, or raise the container's limits (`--pids-limit`, `--ulimit`, `--memory`); it is tried again by itself.";
    /// k3s ended by itself and is being started again.
    K3sExited => "K3sExited",
        "Read the last lines of k3s in the container's log; it is started again with a growing delay.";
    /// k3s ended by itself too often in a short time.
    K3sCrashLoop => "K3sCrashLoop",
        "Read the last lines of k3s in the container's log, mend the cause, then `docker restart` the container.";
    /// k3s ended: a port that it needs is taken.
    K3sAddressInUse => "K3sAddressInUse",
        "End the program that holds the named address, or run the container in a network of its own.";
    /// k3s ended: an address that it was told or that it remembers is not the node's any more.
    K3sAddressChanged => "K3sAddressChanged",
        "Restart the container, so that it takes its present address; if it lasts, `openshell gateway start` makes a new one.";
    /// The cluster knows the node by another password.
    K3sNodePassword => "K3sNodePassword",
        "Another node has this name, or the volume lost the password: delete the Secret NODE.node-password.k3s in kube-system.";
    /// No space is left on a file system that k3s or process 1 writes to.
    DiskFull => "DiskFull",
        "Free space where Docker keeps its volumes (`docker system df`); what failed for want of it is started again by itself.";
    /// The host allows too few file watches or open files.
    InotifyLimit => "InotifyLimit",
        "On the host: `sysctl -w fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=1048576`, then restart the container.";
    /// k3s's database can't be read.
    CorruptDatabase => "CorruptDatabase",
        "Restore the volume from a backup, or repair server/db/state.db in it with `sqlite3 .recover`; nothing was changed.";
    /// The kernel killed k3s for want of memory.
    OutOfMemory => "OutOfMemory",
        "Give the container or the machine more memory, or run less in it; k3s is started again by itself.";
    /// k3s runs, and its API has not answered for long.
    K3sHung => "K3sHung",
        "It is ended and started again; if it happens again, look for a slow disk or a machine that is out of memory.";
    /// A part of process 1 failed by a defect of its own.
    Internal => "Internal",
        "Report the message with the container's log; process 1 stops in order, and Docker starts the container again.";
    /// The Kubernetes API does not answer.
    ApiUnavailable => "ApiUnavailable",
        "Wait; if it lasts, read k3s's lines in the container's log.";
    /// The Kubernetes API answered a request with an error.
    ApiRequest => "ApiRequest",
        "The request is repeated; if it lasts, the message names the object and the API's answer.";
    /// A Secret exists that somebody else made and that can't be used.
    ForeignSecret => "ForeignSecret",
        "Look at the named Secret; delete it if nobody needs it, and it is made anew.";
    /// The SSH handshake Secret is unusable, and replacing it would break sandboxes.
    SshSecretUnusable => "SshSecretUnusable",
        "Restore the Secret's value from a backup; only if no sandbox is needed any more, delete it.";
    /// Keys or certificates can't be made.
    Pki => "Pki",
        "Read the message; a name in EXTRA_SANS that is neither a DNS name nor an IP address is the usual cause.";
    /// The clock contradicts the certificates, so that none can be made.
    ClockWrong => "ClockWrong",
        "Set the clock. If it is right, `docker exec CONTAINER openshell-init rotate pki --ca` makes a new CA.";
    /// Helm refused or failed to deploy the chart.
    ChartFailed => "ChartFailed",
        "Read Helm's message; correct the named value or template and restart the container.";
    /// The gateway could not become ready with the present chart and values, and runs with those before.
    UpgradeRefused => "UpgradeRefused",
        "Change what the message names. To try the same again: `docker exec CONTAINER kubectl -n openshell label secret -l owner=helm openshell.ai/refused-`.";
    /// The node takes no pods.
    NodeNotReady => "NodeNotReady",
        "Wait; if it lasts, read kubelet's lines in the container's log.";
    /// The node runs short of disk, memory or process numbers, and pods may be evicted.
    NodePressure => "NodePressure",
        "Free what the node runs short of, or give Docker more of it.";
    /// GPUs are enabled, and the node has none for pods.
    GpuUnavailable => "GpuUnavailable",
        "Check `nvidia-smi` on the host, start with `openshell gateway start --gpu`, and read `kubectl -n kube-system logs daemonset/nvidia-device-plugin` in the container.";
    /// An object of the release was deleted.
    ReleaseIncomplete => "ReleaseIncomplete",
        "Nothing: it is made again by itself. Find out who deletes it if it happens again.";
    /// The gateway's pod is not ready.
    GatewayNotReady => "GatewayNotReady",
        "Read the pod's reason in the message; `docker exec CONTAINER kubectl -n openshell describe pod openshell-0` shows more.";
    /// The gateway's image can't be pulled.
    ImageNotPulled => "ImageNotPulled",
        "Check the named image, and REGISTRY_HOST, its endpoint, user and password: `docker exec CONTAINER openshell-init config` shows them.";
    /// The gateway's port does not answer with our certificate.
    GatewayUnreachable => "GatewayUnreachable",
        "Wait; if it lasts, look at the gateway's log and at kube-proxy's lines in the container's log.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_round_trip() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            let json = serde_json::to_string(reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.code()));
            assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), *reason);
            assert!(reason.remedy().ends_with('.'));
        }
    }

    #[test]
    fn a_newer_code_is_unknown_not_an_error() {
        assert_eq!(serde_json::from_str::<Reason>("\"FromTheFuture\"").unwrap(), Reason::Unknown);
    }
}
