//! What the volume remembers of the last run.

use crate::failure::{Context, Failure};
use crate::files;
use crate::kept::Kept;
use openshell_contract::reason::Reason;
use openshell_contract::status::BootKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest cause that is kept, in characters.
const CAUSE: usize = 500;

/// A run of a gateway on the volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Identity of the image: release and chart.
    pub image: String,
    /// The container's address.
    pub address: String,
    /// The node's name.
    pub node: String,
    /// Every name that the node had on this volume.
    pub names: BTreeSet<String>,
    /// The node's label `kubernetes.io/hostname`: its first name. Local volumes are bound to it for ever
    /// (Kubernetes "Persistent Volumes", node affinity).
    pub hostname: String,
    /// Whether the run ended by a clean stop.
    pub clean: bool,
    /// How many runs there were, this one included.
    pub count: u64,
    /// How many runs right before this one did not end by a clean stop.
    pub crashes: u32,
    /// Why the run ended, if it could say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl Run {
    /// The run that begins now, after `last`, or on a volume whose node was `adopted` before.
    pub fn after(last: Option<&Self>, adopted: Option<&str>, image: &str, address: &str, node: &str) -> Self {
        let former = last.map(|last| last.node.as_str()).or(adopted);
        let mut names = last.map(|last| last.names.clone()).unwrap_or_default();
        names.extend(former.into_iter().chain([node]).filter(|n| !n.is_empty()).map(str::to_owned));
        let kept = last.map(|last| last.hostname.as_str()).filter(|hostname| !hostname.is_empty());
        let hostname = kept.or(former.filter(|former| !former.is_empty())).unwrap_or(node);
        Self {
            image: image.to_owned(),
            address: address.to_owned(),
            node: node.to_owned(),
            names,
            hostname: hostname.to_owned(),
            clean: false,
            count: last.map_or(1, |last| last.count.saturating_add(1)),
            crashes: last.filter(|last| !last.clean).map_or(0, |last| last.crashes.saturating_add(1)),
            cause: None,
        }
    }

    /// What kind of start this one is after `last`; the most consequential difference wins.
    pub fn kind(&self, last: Option<&Self>, adopted: Option<&str>, has_data: bool) -> BootKind {
        match last {
            None if adopted.is_some_and(|node| node != self.node) => BootKind::NodeRenamed,
            None if has_data => BootKind::ImageChanged,
            None => BootKind::First,
            Some(last) if last.node != self.node => BootKind::NodeRenamed,
            Some(last) if last.image != self.image => BootKind::ImageChanged,
            Some(last) if last.address != self.address => BootKind::AddressChanged,
            Some(last) if !last.clean => BootKind::AfterCrash,
            Some(_) => BootKind::Resume,
        }
    }

    /// The run as it ended by a clean stop.
    pub fn ended_cleanly(&self) -> Self {
        Self { clean: true, ..self.clone() }
    }

    /// The run as it ended by a defect.
    pub fn ended_by(&self, cause: &str) -> Self {
        Self { cause: Some(cause.chars().take(CAUSE).collect()), ..self.clone() }
    }

    /// Reads the record. One that can't be understood is no reason not to start: the run counts as crashed.
    pub fn read() -> Result<Option<Self>, Failure> {
        let file = Kept::LastRun.path();
        let text = files::read_if_there(&file)
            .failing(Reason::StateUnusable, || format!("can't read {}", file.display()))?;
        Ok(text.map(|text| parse(&text)))
    }

    /// Writes the record.
    pub fn write(&self) -> Result<(), Failure> {
        let json = serde_json::to_vec(self).failing(Reason::StateUnusable, || {
            format!("can't serialize {}", Kept::LastRun.path().display())
        })?;
        Kept::LastRun.write(&json)
    }
}

fn parse(text: &str) -> Run {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near_text;
    use proptest::prelude::*;

    fn run() -> Run {
        Run { image: "i".into(), address: "a".into(), node: "n".into(), clean: true, ..Run::default() }
    }

    #[test]
    fn the_kind_of_a_start() {
        let now = run();
        let after = |change: fn(&mut Run)| {
            let mut last = run();
            change(&mut last);
            now.kind(Some(&last), None, true)
        };
        assert_eq!(now.kind(None, None, false), BootKind::First);
        assert_eq!(now.kind(None, None, true), BootKind::ImageChanged);
        assert_eq!(now.kind(None, Some("n"), true), BootKind::ImageChanged);
        assert_eq!(now.kind(None, Some("0123456789ab"), true), BootKind::NodeRenamed);
        assert_eq!(after(|_| {}), BootKind::Resume);
        assert_eq!(after(|r| r.clean = false), BootKind::AfterCrash);
        assert_eq!(after(|r| r.address = "b".into()), BootKind::AddressChanged);
        assert_eq!(after(|r| r.image = "j".into()), BootKind::ImageChanged);
        assert_eq!(after(|r| r.node = "m".into()), BootKind::NodeRenamed);
    }

    #[test]
    fn a_crash_loop_over_containers_is_counted() {
        let after = |last: &Run| Run::after(Some(last), None, "i", "a", "n").crashes;
        assert_eq!(Run::after(None, None, "i", "a", "n").crashes, 0);
        assert_eq!(after(&run()), 0);
        let second = Run { clean: false, crashes: 4, ..run() };
        assert_eq!(after(&second), 5);
        assert_eq!(after(&second.ended_cleanly()), 0);
        assert_eq!(second.ended_by(&"ä".repeat(CAUSE + 1)).cause.unwrap().chars().count(), CAUSE);
    }

    #[test]
    fn every_name_is_remembered_and_the_first_one_stays_the_hostname() {
        let after = |last: Option<&Run>, adopted, node| Run::after(last, adopted, "i", "a", node);
        let told =
            |run: &Run| (run.names.iter().cloned().collect::<Vec<_>>().join(" "), run.hostname.clone());
        let first = after(None, None, "x");
        assert_eq!(told(&first), ("x".to_owned(), "x".to_owned()));
        let renamed = after(Some(&first), None, "y");
        assert_eq!(told(&renamed), ("x y".to_owned(), "x".to_owned()));
        assert_eq!(told(&after(Some(&renamed), None, "z")), ("x y z".to_owned(), "x".to_owned()));
        let adopted = after(None, Some("0123456789ab"), "x");
        assert_eq!(told(&adopted), ("0123456789ab x".to_owned(), "0123456789ab".to_owned()));
        // A record of a release that kept neither, and one that was damaged.
        assert_eq!(told(&after(Some(&run()), None, "m")), ("m n".to_owned(), "n".to_owned()));
        assert_eq!(told(&after(Some(&Run::default()), None, "m")), ("m".to_owned(), "m".to_owned()));
    }

    proptest! {
        #[test]
        fn whatever_the_record_is_the_next_run_begins(
            text in near_text(&[r#"{"image":"i","address":"a","node":"n","names":["m","n"],"hostname":"m","clean":true,"count":7,"crashes":2,"cause":"c"}"#]),
        ) {
            let last = parse(&text);
            let next = Run::after(Some(&last), None, "i", "a", "n");
            let _ = next.kind(Some(&last), None, true);
            prop_assert!(!next.clean && next.names.contains("n"));
            prop_assert_eq!(parse(&serde_json::to_string(&next).unwrap()), next);
        }
    }
}
