//! After the start: look again, repair, report.

use crate::board::Board;
use crate::failure::Failure;
use crate::kube::{Metadata, Seen, follow};
use crate::node::route;
use crate::reconcile::Reconciler;
use crate::stage::Stage;
use crate::volume::written;
use crate::warnings::About;
use crate::{gateway, node, nodes};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PartialObjectMeta, WatchEvent};
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use openshell_contract::status::{Phase, StageState};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tracing::debug;

/// About how often everything is looked at, without any sign of a change.
const PERIOD: Duration = Duration::from_secs(30);
/// First and longest delay after a failure.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// Our Secrets; a change of any other one concerns nobody here.
const WATCHED: [&str; 5] = [
    cluster::CA_SECRET,
    cluster::CLIENT_CA_SECRET,
    cluster::CLIENT_TLS_SECRET,
    cluster::SERVER_TLS_SECRET,
    cluster::SSH_SECRET,
];

/// Passes again and again, for ever: at once after a failure (with a growing delay), when a Secret of
/// ours changes, and each [`PERIOD`].
pub async fn run(reconciler: &Arc<Reconciler>) -> Infallible {
    tokio::spawn(watch_secrets(reconciler.clone()));
    tokio::spawn(nodes::watch(reconciler.clone()));
    tokio::spawn(watch_uplink(reconciler.clone()));
    let board = &reconciler.board;
    let mut delay = BACKOFF.0;
    let mut proven = 0;
    let mut failing = gateway::Failing::default();
    loop {
        board.warn(About::Machine, node::machine().warnings);
        board.forget();
        let asked = reconciler.looks.asked();
        let passed = pass(reconciler, &mut failing).await;
        let served = matches!(passed, Ok(true));
        let status = board.status();
        if served && status.ready_after_ms.is_none() {
            if written::is_due(status.boot) && written::out().await {
                node::unpacked::written();
            }
            // Our node came up after the pass had looked at nodes, and gets its label by the next one.
            reconciler.changed.notify_one();
        }
        if served {
            board.serves();
        }
        // The stage that failed has put up the problem.
        settle(board, served);
        reconciler.looks.tell(asked);
        // Nobody has to wait for it.
        if served {
            match reconciler.prove(proven).await {
                Ok(revision) => proven = revision,
                // The next pass tries again.
                Err(failure) => debug!("{failure}"),
            }
        }
        if passed.is_ok() {
            delay = BACKOFF.0;
            tokio::select! {
                () = reconciler.changed.notified() => {}
                () = reconciler.pulse.rest(PERIOD) => {}
            }
        } else {
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(BACKOFF.1);
        }
    }
}

/// Passes once. Returns whether the gateway was seen to serve.
async fn pass(reconciler: &Reconciler, failing: &mut gateway::Failing) -> Result<bool, Failure> {
    let pki = reconciler.pass().await?;
    let Reconciler { board, client, nodes, .. } = reconciler;
    let look = gateway::Look { board, client, nodes };
    let work = async {
        // While it serves, one look; only when that fails is it waited for.
        match look.check(pki.as_ref()).await {
            Ok(()) => {
                board.detail(Stage::Gateway, "serving");
                Ok(())
            }
            Err(failure) => {
                if board.status().phase == Phase::Ready {
                    board.problem(Stage::Gateway, &failure);
                    settle(board, false);
                }
                let waited = look.wait(pki.as_ref(), failing).await;
                // Only what the pod itself told is a reason to take it back.
                if let Err(failure) = &waited
                    && matches!(failure.reason, Reason::GatewayNotReady | Reason::ImageNotPulled)
                {
                    reconciler.take_back(failure).await?;
                }
                waited
            }
        }
    };
    tokio::select! {
        done = board.run(Stage::Gateway, work) => done.map(|()| true),
        // What is waited for may be the certificates of a moment ago.
        () = reconciler.changed.notified() => {
            reconciler.changed.notify_one();
            Ok(false)
        }
    }
}

/// Enters the phase that the board's problems call for; the board keeps to a final one. That a problem is gone makes
/// nothing ready by itself: after an outage of the API nothing is known of the node until a pass has seen the gateway
/// serve again.
fn settle(board: &Board, served: bool) {
    let status = board.status();
    let all_done = status.stages.iter().all(|s| s.state == StageState::Done);
    board.enter(match (status.problems.is_empty(), all_done && served) {
        (true, true) => Phase::Ready,
        (true, false) => status.phase,
        (false, _) => Phase::Degraded,
    });
}

/// Tells of each change of our Secrets. When a watch ends, as it does with the API, and when it was begun again, the
/// next pass sees what happened, and is called for at once.
async fn watch_secrets(reconciler: Arc<Reconciler>) -> Infallible {
    let api: Api<Secret> = Api::namespaced(reconciler.client.clone(), cluster::NAMESPACE);
    let mut is_first = true;
    let tell = |seen: Seen<PartialObjectMeta<Secret>>| {
        let matters = match &seen {
            Seen::All(_) => !std::mem::take(&mut is_first),
            Seen::Change(event) => concerns_us(event),
            Seen::Nothing => true,
        };
        if matters {
            reconciler.changed.notify_one();
        }
    };
    follow(&Metadata(api), tell).await
}

/// Tells when the container's address is another one than at the start, which k3s can't follow.
async fn watch_uplink(reconciler: Arc<Reconciler>) {
    let Reconciler { board, uplink, .. } = &*reconciler;
    let mut now = uplink.clone();
    loop {
        match route::moved(&now).await {
            Ok(moved) => now = moved,
            Err(failure) => return board.warn(About::Uplink, [failure.message]),
        }
        if now.address == uplink.address {
            board.solved(Stage::Route);
        } else {
            let message = format!("the container's address is {} and was {}", now.address, uplink.address);
            board.problem(Stage::Route, &Failure::new(Reason::AddressChanged, message));
        }
        // The host's address may be another one as well.
        reconciler.changed.notify_one();
    }
}

fn concerns_us(event: &WatchEvent<PartialObjectMeta<Secret>>) -> bool {
    match event {
        WatchEvent::Modified(object) | WatchEvent::Deleted(object) => {
            object.metadata.name.as_deref().is_some_and(|name| WATCHED.contains(&name))
        }
        _ => false,
    }
}
