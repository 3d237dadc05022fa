//! What has to hold for a gateway to be well: one list, each with why not, since when, and what to do.

use crate::reason::Reason;
use serde::{Deserialize, Serialize};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Which.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Whether it holds.
    #[serde(default)]
    pub status: Truth,
    /// Why not, if it doesn't.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// What was seen, for people.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub message: String,
    /// What to do if it doesn't hold.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub remedy: String,
    /// Since when `status` is what it is, milliseconds since the Unix epoch.
    #[serde(default)]
    pub since_ms: u64,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident => $text:literal;)+) => {
        /// What a condition is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
            /// One of a newer release that this one does not know.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl Kind {
            /// Every condition that this release tells of, in the order of a start.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What it says if it holds.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+),)+
                    Self::Unknown => " One of a newer release.",
                }
                .trim_ascii()
            }

            /// Its name in the document.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ Self::Unknown => "unknown" }
            }
        }
    };
}

kinds! {
    /// Names are resolved where pods ask for them.
    Dns => "dns";
    /// The Kubernetes API answers.
    Api => "api";
    /// The node takes pods, and its kubelet answers.
    Node => "node";
    /// The node has disk, memory and process numbers to spare.
    Resources => "resources";
    /// The node has GPUs to give to pods. Only told of where they are enabled.
    Gpu => "gpu";
    /// The SSH secret, the keys and the certificates are there and usable.
    Secrets => "secrets";
    /// The chart is deployed.
    Chart => "chart";
    /// What sandboxes are supervised by is in the image.
    Supervisor => "supervisor";
    /// The gateway's pod is of the newest template, runs, and is ready.
    Workload => "workload";
    /// The gateway's port answers, with the certificate in its Secret.
    Port => "port";
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// It does.
    True,
    /// It doesn't.
    False,
    /// Nobody could look yet, or any more.
    #[default]
    Unknown,
}

impl Condition {
    /// One that nobody has looked at.
    #[must_use]
    pub const fn unknown(kind: Kind, since_ms: u64) -> Self {
        Self {
            kind,
            status: Truth::Unknown,
            reason: None,
            message: String::new(),
            remedy: String::new(),
            since_ms,
        }
    }

    /// One line for people: its name, and why it doesn't hold.
    #[must_use]
    pub fn summary(&self) -> String {
        let name = self.kind.name();
        match (self.status, self.reason) {
            (Truth::True, _) => format!("{name}: ok"),
            (Truth::Unknown, _) if self.message.is_empty() => format!("{name}: not known yet"),
            (_, None) => format!("{name}: {}", self.message),
            (_, Some(reason)) => format!("{name}: {} [{}]", self.message, reason.code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_reads_as_it_was_written_and_a_newer_one_is_unknown() {
        for kind in Kind::ALL {
            let condition = Condition {
                status: Truth::False,
                reason: Some(Reason::DnsUnavailable),
                message: "m".to_owned(),
                ..Condition::unknown(*kind, 7)
            };
            let json = serde_json::to_string(&condition).unwrap();
            assert!(json.contains(&format!("\"type\":\"{}\"", kind.name())), "{json}");
            assert_eq!(serde_json::from_str::<Condition>(&json).unwrap(), condition);
        }
        let newer: Condition = serde_json::from_str(r#"{"type":"newer","novelty":1}"#).unwrap();
        assert_eq!((newer.kind, newer.status), (Kind::Unknown, Truth::Unknown));
    }

    #[test]
    fn the_line_for_people() {
        let mut condition = Condition::unknown(Kind::Port, 0);
        assert_eq!(condition.summary(), "port: not known yet");
        condition.status = Truth::False;
        condition.reason = Some(Reason::GatewayUnreachable);
        condition.message = "no answer".to_owned();
        assert_eq!(condition.summary(), "port: no answer [GatewayUnreachable]");
        condition.status = Truth::True;
        assert_eq!(condition.summary(), "port: ok");
    }
}
