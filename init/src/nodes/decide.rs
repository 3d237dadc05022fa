//! Which nodes go. Pure.

use std::collections::BTreeSet;

/// A node as the API tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub uid: String,
    /// Whether its condition `Ready` is `True`. A node that reports no more is `Unknown`.
    pub ready: bool,
    /// Whether it has our label: a start of ours put it there.
    pub labelled: bool,
}

/// A node to delete, and why it was ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Its name.
    pub node: String,
    /// Its identity: another node of that name stays.
    pub uid: String,
    /// Why.
    pub reason: Why,
}

/// How it is known that a node was ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// By the volume's record of names.
    #[error("this volume's node had that name once")]
    Recorded,
    /// By its label.
    #[error("a start of this gateway labelled it")]
    Labelled,
}

/// What to do about the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Those that go now.
    pub delete: Vec<Deletion>,
    /// Names of those that were ours and are, for now, left: they, or our own node, have to change first.
    pub wait: Vec<String>,
}

/// Decides. A node goes if it is not `ours` but was once, and is not ready; and only while our own is
/// ready, since pods that it leaves need somewhere to go. Every other node stays whatever it is.
pub fn decide(nodes: &[Seen], ours: &str, recorded: &BTreeSet<String>) -> Verdict {
    let here = nodes.iter().any(|node| node.name == ours && node.ready);
    let mut verdict = Verdict::default();
    for node in nodes.iter().filter(|node| node.name != ours) {
        let reason = match (recorded.contains(&node.name), node.labelled) {
            (true, _) => Why::Recorded,
            (false, true) => Why::Labelled,
            (false, false) => continue,
        };
        if here && !node.ready {
            verdict.delete.push(Deletion { node: node.name.clone(), uid: node.uid.clone(), reason });
        } else {
            verdict.wait.push(node.name.clone());
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(name: &str, ready: bool, labelled: bool) -> Seen {
        Seen { name: name.to_owned(), uid: format!("uid of {name}"), ready, labelled }
    }

    #[test]
    fn the_table() {
        let recorded = BTreeSet::from(["ours".to_owned(), "old".to_owned()]);
        let ours = node("ours", true, true);
        let wait = |name: &str| Verdict { wait: vec![name.to_owned()], ..Verdict::default() };
        let delete = |name: &str, reason| {
            let delete = vec![Deletion { node: name.to_owned(), uid: format!("uid of {name}"), reason }];
            Verdict { delete, ..Verdict::default() }
        };
        for (what, ours, other, wanted) in [
            ("recorded, gone", ours.clone(), node("old", false, false), delete("old", Why::Recorded)),
            ("labelled, gone", ours.clone(), node("x", false, true), delete("x", Why::Labelled)),
            ("both, gone", ours.clone(), node("old", false, true), delete("old", Why::Recorded)),
            ("recorded, alive", ours.clone(), node("old", true, false), wait("old")),
            ("labelled, alive", ours.clone(), node("x", true, true), wait("x")),
            ("foreign, gone", ours.clone(), node("x", false, false), Verdict::default()),
            ("foreign, alive", ours, node("x", true, false), Verdict::default()),
            ("our own is not ready", node("ours", false, true), node("old", false, true), wait("old")),
        ] {
            assert_eq!(decide(&[ours, other], "ours", &recorded), wanted, "{what}");
        }
        assert_eq!(decide(&[node("old", false, true)], "ours", &recorded), wait("old"), "ours is not there");
        assert_eq!(decide(&[], "ours", &recorded), Verdict::default());
    }

    proptest! {
        #[test]
        fn no_ready_node_no_foreign_node_and_never_our_own_goes(
            nodes in proptest::collection::btree_map(0..6_u8, any::<(bool, bool)>(), 0..6),
            recorded in proptest::collection::btree_set(0..6_u8, 0..4),
        ) {
            let seen = |(name, (ready, labelled)): (&u8, &(bool, bool))| node(&name.to_string(), *ready, *labelled);
            let mut nodes: Vec<Seen> = nodes.iter().map(seen).collect();
            let recorded: BTreeSet<String> = recorded.iter().map(ToString::to_string).collect();
            let verdict = decide(&nodes, "0", &recorded);
            for deletion in &verdict.delete {
                let of = nodes.iter().find(|n| n.name == deletion.node && n.uid == deletion.uid).unwrap();
                prop_assert!(of.name != "0" && !of.ready && (of.labelled || recorded.contains(&of.name)));
            }
            // When they are gone, nothing is left to do.
            nodes.retain(|n| !verdict.delete.iter().any(|d| d.node == n.name));
            prop_assert!(decide(&nodes, "0", &recorded).delete.is_empty());
        }
    }
}
