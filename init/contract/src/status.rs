//! The status document: the one answer to "how is this gateway?".
//!
//! PID 1 writes it to [`crate::names::path::STATUS`] and answers it on
//! [`crate::names::path::SOCKET`]; the health check, the host command and people read the same.
//! Readers ignore fields that they don't know; `v` changes only if a field changes its meaning.

use crate::condition::Condition;
use crate::reason::Reason;
use serde::{Deserialize, Serialize};

/// Version of the document.
pub const VERSION: u32 = 1;

/// How a gateway is, at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Always [`VERSION`] when this release wrote it.
    pub v: u32,
    /// Release of `openshell-init`.
    pub version: String,
    /// Where it stands.
    pub phase: Phase,
    /// When `phase` was entered, milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// When PID 1 started, milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// Milliseconds from PID 1's start to the first `ready`, once there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_after_ms: Option<u64>,
    /// What kind of start this was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootKind>,
    /// How many runs right before this one did not end by a clean stop.
    pub crashes: u32,
    /// Every stage of the start, in the order of the boot graph.
    pub stages: Vec<StageStatus>,
    /// What is wrong, most important first; empty when all is well.
    pub problems: Vec<Problem>,
    /// What has to hold, in the order of a start.
    pub conditions: Vec<Condition>,
    /// What should be known, without being wrong.
    pub warnings: Vec<String>,
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Node>,
    /// k3s.
    pub k3s: K3s,
    /// Certificates; absent in plaintext mode and before they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pki: Option<Pki>,
    /// Keyed fingerprint of the SSH handshake secret: HMAC-SHA256 over a fixed label, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_fingerprint: Option<String>,
    /// The deployed chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<Chart>,
}

/// Where a gateway stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// On its way to ready.
    #[default]
    Starting,
    /// Everything is as it should be.
    Ready,
    /// It was ready, and something is wrong that is being repaired; or the start is held up.
    Degraded,
    /// It can't go on without somebody; nothing more is tried.
    Failed,
    /// A stop was asked for.
    Stopping,
}

impl Phase {
    /// The phase as it is written in the document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
        }
    }
}

/// What kind of start this was, judged by what the volume remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootKind {
    /// The volume was empty.
    First,
    /// Same image, same address, and the last stop was clean.
    Resume,
    /// The image's release of `openshell-init` or its chart is another one.
    ImageChanged,
    /// The container has another address.
    AddressChanged,
    /// The node has another name.
    NodeRenamed,
    /// The last run did not end by a clean stop.
    AfterCrash,
}

/// One stage of the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageStatus {
    /// Its name.
    pub name: String,
    /// How far it is.
    pub state: StageState,
    /// Milliseconds from PID 1's start to the stage's (last) start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_after_ms: Option<u64>,
    /// Milliseconds that it took; absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub took_ms: Option<u64>,
    /// What it found or did, in a few words.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub detail: String,
}

/// How far a stage is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageState {
    /// Not begun.
    #[default]
    Waiting,
    /// Under way.
    Running,
    /// Did what it should.
    Done,
    /// Did not; a problem tells why.
    Failed,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The stage that met it.
    pub stage: String,
    /// The cause.
    pub reason: Reason,
    /// What failed, on which object, and why.
    pub message: String,
    /// What to do next.
    pub remedy: String,
    /// Since when, milliseconds since the Unix epoch.
    pub since_ms: u64,
}

/// The node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name in the cluster.
    pub name: String,
    /// The container's address.
    pub address: String,
}

/// k3s.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct K3s {
    /// Process id while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How often it was started again since PID 1 started.
    pub restarts: u32,
    /// How it ended last, until it has been well for five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_end: Option<K3sEnd>,
}

/// How k3s ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct K3sEnd {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The cause.
    pub reason: Reason,
    /// With which code or signal, and its last lines.
    pub message: String,
}

/// Certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pki {
    /// SHA-256 of the CA certificate's DER, hexadecimal.
    pub ca_sha256: String,
    /// End of the gateway's certificate, seconds since the Unix epoch.
    pub server_not_after: i64,
    /// End of the clients' certificate, seconds since the Unix epoch.
    pub client_not_after: i64,
    /// End of the CA certificate, seconds since the Unix epoch.
    pub ca_not_after: i64,
    /// After a change of CA: until when the previous one is trusted too, seconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_ca_until: Option<i64>,
}

/// The deployed chart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chart {
    /// Helm's revision of the release.
    pub revision: u32,
    /// Digest of chart and values.
    pub digest: String,
    /// The gateway image that it runs.
    pub image: String,
}

impl Status {
    /// Whether the health check passes: ready, or degraded after having been ready. A gateway that
    /// serves while something is being repaired is not dead.
    #[must_use]
    pub const fn is_healthy(&self) -> bool {
        matches!(self.phase, Phase::Ready)
            || (matches!(self.phase, Phase::Degraded) && self.ready_after_ms.is_some())
    }

    /// One line for people: the phase, and the first problem if there is one.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.problems.first() {
            None => self.phase.as_str().to_owned(),
            Some(p) => format!("{}: {} [{}]", self.phase.as_str(), p.message, p.reason.code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_ignores_what_it_does_not_know_and_defaults_what_is_missing() {
        let status: Status =
            serde_json::from_str(r#"{"v":1,"phase":"ready","novelty":[1],"k3s":{"pid":7,"x":0}}"#).unwrap();
        assert_eq!(status.phase, Phase::Ready);
        assert_eq!(status.k3s.pid, Some(7));
        assert!(status.is_healthy());
    }

    #[test]
    fn degraded_is_healthy_only_after_ready() {
        let mut status = Status { phase: Phase::Degraded, ..Status::default() };
        assert!(!status.is_healthy());
        status.ready_after_ms = Some(1);
        assert!(status.is_healthy());
    }
}
