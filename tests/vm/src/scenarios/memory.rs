//! A memory limit on the container.

use super::Lab;
use super::cgroups::scope;
use crate::error::{Result, ensure};
use crate::gateway::{self, CONTAINER};

/// Without a limit of its own, it takes what there is: `tail` keeps the last line, and `/dev/zero` has
/// no line end. Its program is the node's.
const HOG: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"hog"},"spec":{"restartPolicy":"Never",
"volumes":[{"name":"usr","hostPath":{"path":"/usr"}}],
"containers":[{"name":"hog","image":"openshell-test/sandbox:dev","imagePullPolicy":"Never",
"command":["/usr/bin/tail","/dev/zero"],
"volumeMounts":[{"name":"usr","mountPath":"/usr","readOnly":true},
{"name":"usr","mountPath":"/lib","subPath":"lib","readOnly":true},
{"name":"usr","mountPath":"/lib64","subPath":"lib64","readOnly":true}]}]}}"#;

/// A pod that takes more than the container may have is killed within the container's limit, and the
/// gateway goes on. Docker's account of the container tells whose limit it was.
pub fn a_limit_on_the_container_binds_pods(lab: &mut Lab) -> Result<String> {
    let guest = &mut lab.guest;
    let events = format!("/sys/fs/cgroup{}/memory.events", scope(guest)?);
    let kills = format!("awk '$1 == \"oom_kill\" {{ print $2 }}' {events}");
    let before = guest.sh(&kills)?;
    guest.sh(&format!("docker exec -i {CONTAINER} kubectl -n openshell apply -f - <<'END'\n{HOG}\nEND"))?;
    let reason = guest.wait_sh(
        "the pod has been killed",
        &format!(
            "docker exec {CONTAINER} kubectl -n openshell get pod hog \
         -o jsonpath='{{.status.containerStatuses[0].state.terminated.reason}}' | grep ."
        ),
    )?;
    let after = guest.sh(&kills)?;
    ensure(reason.trim() == "OOMKilled" && after != before, || {
        format!("the pod ended with {reason}; kills within the container's limit: {before}, then {after}")
    })?;
    let status = gateway::wait_ready(guest)?;
    Ok(format!(
        "{} kills within the container's limit, k3s restarts {}, ready",
        after.trim(),
        status.k3s.restarts
    ))
}
