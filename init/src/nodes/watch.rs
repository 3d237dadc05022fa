//! Notices when a node begins or ceases to be ready.

use super::view::{self, NodeView};
use crate::reconcile::Reconciler;
use futures_util::{StreamExt, TryStreamExt};
use kube::api::{WatchEvent, WatchParams};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tracing::debug;

/// Delay before a watch that ended is begun again.
const RECONNECT: Duration = Duration::from_secs(1);

/// Calls for a pass when a node's readiness changes, for ever. While the gateway starts, our own node's
/// concerns nobody unless another node waits for it.
pub async fn watch(reconciler: Arc<Reconciler>) {
    let nodes = &reconciler.nodes;
    let api = view::nodes(&nodes.client);
    let mut known = BTreeMap::new();
    loop {
        match api.watch(&WatchParams::default(), "0").await {
            Ok(stream) => {
                let mut events = stream.boxed();
                while let Ok(Some(event)) = events.try_next().await {
                    let Some(name) = changed(&mut known, &event) else { continue };
                    let matters = name != nodes.ours
                        || nodes.waiting.load(Ordering::Relaxed)
                        || reconciler.board.status().ready_after_ms.is_some();
                    if matters {
                        reconciler.changed.notify_one();
                    }
                }
            }
            Err(e) => debug!("can't watch nodes: {e}"),
        }
        tokio::time::sleep(RECONNECT).await;
    }
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
