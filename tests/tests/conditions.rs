//! What has to hold is told, one by one, with why not and since when.

use openshell_contract::condition::{Condition, Kind, Truth};
use openshell_contract::status::{Phase, Status};
use openshell_e2e::{Gateway, condition, measured};
use std::time::Instant;

/// Names need a resolver that reaches the world, which a machine for tests may be without.
fn unmet(status: &Status) -> Vec<&Condition> {
    status.conditions.iter().filter(|c| c.kind != Kind::Dns && c.status != Truth::True).collect()
}

#[test]
fn a_crash_of_k3s_is_told_until_the_node_takes_pods_again() {
    let gateway = Gateway::new("conditions");
    let _ = gateway.start(&[]).ok();
    let before = gateway.status().unwrap();
    // All but that of GPUs, which nobody asked for.
    assert_eq!(before.conditions.len(), Kind::ALL.len() - 1);
    assert_eq!(unmet(&before), Vec::<&Condition>::new());

    let pid = before.k3s.pid.unwrap().to_string();
    let begin = Instant::now();
    let _ = gateway.exec(&["kill", "-9", &pid]).ok();
    gateway.wait("the outage is told", || {
        gateway.status().is_some_and(|s| {
            let api = condition(&s, Kind::Api);
            api.status == Truth::False && api.reason.is_some() && !api.remedy.is_empty()
        })
    });
    let out = gateway.status().unwrap();
    if out.phase != Phase::Ready {
        let told = gateway.openshell(&["status"]).stdout;
        assert!(told.contains("Not met:"), "{told}");
    }

    gateway.wait("it is ready again", || {
        let Some(status) = gateway.status() else { return false };
        if status.phase != Phase::Ready {
            return false;
        }
        // Never before the node is: what the API has from before the crash does not count.
        assert_eq!(unmet(&status), Vec::<&Condition>::new());
        let kubelet = gateway.exec(&["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/10248"]);
        assert_eq!(kubelet.code, 0, "ready without a kubelet");
        status.k3s.restarts == 1
    });
    measured("k3s killed: ready again", begin);
    let after = gateway.status().unwrap();
    let (was, is) = (condition(&before, Kind::Api).since_ms, condition(&after, Kind::Api).since_ms);
    assert!(is > was, "{was} {is}");
    assert_eq!(condition(&after, Kind::Supervisor), condition(&before, Kind::Supervisor));
}
