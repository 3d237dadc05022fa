//! What is done to a gateway.

use openshell_e2e::{Gateway, docker};
use rand::RngExt;
use rand::rngs::StdRng;
use std::time::Duration;

const SECRETS: [&str; 5] = [
    "openshell-ca",
    "openshell-client-tls",
    "openshell-server-client-ca",
    "openshell-server-tls",
    "openshell-ssh-handshake",
];
/// What process 1 keeps for itself in the volume, and can do without.
const RUN_RECORD: &str = "/var/lib/rancher/k3s/openshell/last-run.json";

/// One disturbance.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The container is killed, and started as Docker's policy would.
    Kill,
    /// Docker restarts the container.
    Restart,
    /// The container is removed; somebody starts the gateway.
    Remove,
    /// The container's network is removed with it.
    Network,
    /// A process in the container is killed.
    Process(&'static str),
    /// k3s stands still for so many milliseconds.
    Freeze(u64),
    /// A Secret is deleted.
    DeleteSecret(&'static str),
    /// Certificate and key of the gateway are overwritten by somebody.
    Garbage,
    /// The gateway's StatefulSet is deleted, with its pod.
    DeleteWorkload,
    /// The record of the last run is cut off, or a byte of it is another one; then the container is killed.
    Record {
        /// Whether it is cut off.
        cut: bool,
    },
}

impl Fault {
    pub(crate) fn random(dice: &mut StdRng) -> Self {
        match dice.random_range(0..12) {
            0 => Self::Kill,
            1 => Self::Restart,
            2 => Self::Remove,
            3 => Self::Network,
            4 => Self::Process("k3s"),
            5 => Self::Process("containerd"),
            6 => Self::Process("containerd-shim"),
            7 => Self::Freeze(dice.random_range(500..8_000)),
            8 => Self::DeleteSecret(SECRETS[dice.random_range(0..SECRETS.len())]),
            9 => Self::Garbage,
            10 => Self::DeleteWorkload,
            _ => Self::Record { cut: dice.random() },
        }
    }

    /// Does it. That it can't be done in the middle of another one (no API, no container) is a fault as well.
    pub(crate) fn strike(self, gateway: &Gateway) {
        let object = gateway.object();
        match self {
            Self::Kill => {
                let _ = docker(&["kill", &object]);
                let _ = docker(&["start", &object]);
            }
            Self::Restart => drop(docker(&["restart", &object])),
            Self::Remove => {
                let _ = docker(&["rm", "--force", &object]);
                let _ = gateway.start(&["--no-wait"]);
            }
            Self::Network => {
                let _ = docker(&["rm", "--force", &object]);
                let _ = docker(&["network", "rm", &object]);
                let _ = gateway.start(&["--no-wait"]);
            }
            // The oldest of that name: k3s itself and not a part of it, any shim.
            Self::Process(name) => drop(gateway.exec(&["pkill", "-KILL", "--oldest", &format!("^{name}")])),
            Self::Freeze(ms) => {
                let _ = gateway.exec(&["pkill", "-STOP", "-f", "k3s"]);
                std::thread::sleep(Duration::from_millis(ms));
                let _ = gateway.exec(&["pkill", "-CONT", "-f", "k3s"]);
            }
            Self::DeleteSecret(name) => drop(gateway.kubectl(&["delete", "secret", name], "")),
            Self::Garbage => {
                let patch = r#"{"data":{"tls.crt":"Z2FyYmFnZQ==","tls.key":"Z2FyYmFnZQ=="}}"#;
                let _ = gateway.kubectl(&["patch", "secret", "openshell-server-tls", "-p", patch], "");
            }
            Self::DeleteWorkload => drop(gateway.kubectl(&["delete", "statefulset", "openshell"], "")),
            Self::Record { cut } => {
                let damage = if cut { "truncate --size=3" } else { "sed -i 's/[0-9]/x/'" };
                let _ = gateway.exec(&["sh", "-c", &format!("{damage} {RUN_RECORD}")]);
                let _ = docker(&["kill", &object]);
                let _ = docker(&["start", &object]);
            }
        }
    }
}
