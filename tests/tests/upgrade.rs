//! An upgrade that the gateway can't become ready with: what was before serves again, and it is told why.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_contract::condition::{Kind, Truth};
use openshell_contract::reason::Reason;
use openshell_contract::status::{Phase, Status};
use openshell_e2e::snapshot::counters;
use openshell_e2e::{Gateway, condition, docker};

/// A database that the server doesn't know: it says so and ends.
const BAD: &str = "DB_URL=postgres://openshell@nowhere/openshell";

fn truth(status: &Status, kind: Kind) -> (Truth, Option<Reason>) {
    let condition = condition(status, kind);
    (condition.status, condition.reason)
}

/// Waits until it serves with what was before, and is told so.
fn wait_taken_back(gateway: &Gateway) -> Status {
    // In two steps, since the pod is given its time to fail first.
    gateway.wait("it is given up", || {
        gateway.status().is_some_and(|s| truth(&s, Kind::Chart).0 == Truth::False)
    });
    gateway.wait("what was before serves again", || {
        gateway.status().is_some_and(|s| {
            truth(&s, Kind::Port).0 == Truth::True
                && truth(&s, Kind::Workload).0 == Truth::True
                && truth(&s, Kind::Chart) == (Truth::False, Some(Reason::UpgradeRefused))
                && s.ready_after_ms.is_some()
        })
    });
    assert_eq!(gateway.grpc_health(true).ok().trim(), "SERVING");
    let status = gateway.status().unwrap();
    assert_eq!(status.phase, Phase::Degraded);
    assert_eq!(gateway.exec(&["openshell-init", "health"]).code, 0, "what serves is not dead");
    status
}

#[test]
fn an_upgrade_that_can_not_become_ready_is_taken_back_and_told() {
    let gateway = Gateway::new("upgrade");
    let _ = gateway.start(&[]).ok();
    let before = gateway.status().unwrap().chart.unwrap();
    let data = counters(&gateway, true);

    let _ = gateway.start(&["--no-wait", "--env", BAD]).ok();
    let status = wait_taken_back(&gateway);
    let chart = status.chart.unwrap();
    assert_eq!(chart.revision, before.revision + 2, "an upgrade, and a rollback");
    let told = status.warnings.iter().find(|w| w.contains("is taken back")).unwrap();
    // The pod's reason, and what the server said last.
    assert!(
        told.contains("Pod openshell-0") && told.contains("last lines: ") && told.contains("sqlite"),
        "{told}"
    );
    assert!(counters(&gateway, true).counter > data.counter);

    // It is not tried again by itself.
    let _ = docker(&["restart", &gateway.object()]).ok();
    let again = wait_taken_back(&gateway);
    assert_eq!(again.chart.unwrap().revision, chart.revision);

    let _ = gateway.start(&["--env", "DB_URL="]).ok();
    let status = gateway.status().unwrap();
    assert_eq!((status.phase, status.problems), (Phase::Ready, vec![]));
    assert_eq!(status.chart.unwrap().revision, chart.revision, "what was wanted before runs already");
}
