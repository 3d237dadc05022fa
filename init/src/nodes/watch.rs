//! Notices when a node begins or ceases to be ready.

use super::view::{self, NodeView};
use crate::kube::{Seen, Whole, follow};
use crate::reconcile::Reconciler;
use kube::api::WatchEvent;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Calls for a pass when a node's readiness changes, for ever. While the gateway starts, our own node's
/// concerns nobody unless another node waits for it.
pub async fn watch(reconciler: Arc<Reconciler>) -> Infallible {
    let nodes = &reconciler.nodes;
    let api = view::nodes(&nodes.client);
    let mut known = BTreeMap::new();
    let tell = |seen: Seen<NodeView>| {
        let events = match seen {
            Seen::All(all) => all.into_iter().map(WatchEvent::Added).collect(),
            Seen::Change(event) => vec![event],
            Seen::Nothing => Vec::new(),
        };
        for name in events.iter().filter_map(|event| changed(&mut known, event)) {
            let matters = name != nodes.ours
                || nodes.waiting.load(Ordering::Relaxed)
                || reconciler.board.status().ready_after_ms.is_some();
            if matters {
                reconciler.changed.notify_one();
            }
        }
    };
    follow(&Whole(api), tell).await
}

/// The node whose readiness an event changes. A node that is seen for the first time is no change: the pass
/// that runs already sees it.
fn changed(known: &mut BTreeMap<String, bool>, event: &WatchEvent<NodeView>) -> Option<String> {
    let (node, ready) = match event {
        WatchEvent::Added(node) | WatchEvent::Modified(node) => (node, Some(view::is(node, "Ready"))),
        WatchEvent::Deleted(node) => (node, None),
        WatchEvent::Bookmark(_) | WatchEvent::Error(_) => return None,
    };
    let name = node.metadata.name.clone()?;
    let before = match ready {
        Some(ready) => known.insert(name.clone(), ready),
        None => known.remove(&name),
    };
    (before.is_some() && before != ready).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_change_of_readiness_is_one() {
        let mut known = BTreeMap::new();
        let mut event = |kind: &str, status: &str| {
            let event = json!({"type": kind, "object": {"metadata": {"name": "n"}, "spec": {},
                "status": {"conditions": [{"type": "Ready", "status": status}], "images": []}}});
            changed(&mut known, &serde_json::from_value(event).unwrap()).is_some()
        };
        assert!(!event("ADDED", "False"));
        assert!(!event("MODIFIED", "Unknown"));
        assert!(event("MODIFIED", "True"));
        assert!(!event("ADDED", "True"));
        assert!(event("MODIFIED", "Unknown"));
        assert!(event("DELETED", "Unknown"));
        assert!(!event("DELETED", "Unknown"));
    }
}
