//! The gateway as it is: `openshell gateway`, with `openshell-init` as process 1.

use crate::probe::{Probe, keep};
use crate::samples::{Measure, Samples};
use crate::{GATEWAY, timed};
use openshell_contract::status::StageStatus;
use openshell_e2e::{Gateway, docker};
use std::path::Path;
use std::time::{Duration, Instant};

/// Health checks of one sample: a single one is too short for `docker exec`'s own time.
const CHECKS: u32 = 50;

/// Measures one life of a gateway. Returns its manifests, for a node that has nobody to make them.
pub fn round(samples: &mut Samples, work: &Path) -> String {
    let gateway = Gateway::new("bench");
    let begin = Instant::now();
    let _ = gateway.start(&[]).ok();
    let probe = Probe { port: gateway.port, certificates: work.join("certificates") };
    keep(&gateway.certificates(), &probe.certificates);
    samples.add(Measure::First, GATEWAY, probe.since(begin));
    gateway.wait_ready();
    samples.add(Measure::Health, GATEWAY, health(&gateway.object(), "openshell-init health", CHECKS));
    let manifests = crate::manifests::of(&gateway);

    samples.add(Measure::Stop, GATEWAY, timed(|| docker(&["stop", &gateway.object()])));
    let begin = Instant::now();
    let _ = docker(&["start", &gateway.object()]).ok();
    samples.add(Measure::Resume, GATEWAY, probe.since(begin));
    gateway.wait_ready();
    samples.add(Measure::Work, GATEWAY, own_work(&gateway));

    let _ = gateway.openshell(&["stop"]).ok();
    let (serves, returns) = crate::beside(&probe, || gateway.start(&[]).ok());
    samples.add(Measure::Command, GATEWAY, returns);
    samples.add(Measure::Tail, GATEWAY, (returns - serves).max(0.0));
    manifests
}

/// Seconds from the API's being ready until nothing is left but to wait for the gateway's pod.
fn own_work(gateway: &Gateway) -> f64 {
    let status = gateway.status().expect("a gateway that is ready has a status");
    let stage = |name: &str| status.stages.iter().find(|stage| stage.name == name).expect("a stage");
    let (api, waiting) = (stage("api"), stage("gateway"));
    let began = |stage: &StageStatus| stage.started_after_ms.expect("a stage that was run");
    let ready = began(api) + api.took_ms.expect("a stage that was done");
    Duration::from_millis(began(waiting).saturating_sub(ready)).as_secs_f64()
}

/// Seconds of one of `times` runs of a health check in a container.
pub fn health(container: &str, command: &str, times: u32) -> f64 {
    let runs = |times: u32| {
        let script = format!("i=0; while [ $i -lt {times} ]; do {command} >/dev/null; i=$((i+1)); done");
        timed(|| docker(&["exec", container, "sh", "-c", &script]))
    };
    // The time of `docker exec` itself is in both.
    let empty = runs(0);
    (runs(times) - empty).max(0.0) / f64::from(times)
}
