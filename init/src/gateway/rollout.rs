//! What the API says of the gateway's `StatefulSet` and pod.

use super::containers;
use crate::failure::Failure;
use crate::kube::ApiContext;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::Client;
use kube::api::{Api, DeleteParams, Preconditions};
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use tracing::info;

/// Label by which a pod tells its template (Kubernetes "StatefulSets", rolling updates).
const REVISION_LABEL: &str = "controller-revision-hash";

/// Why a container waits for its image (kubelet `pkg/kubelet/images/types.go`).
const NOT_PULLED: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "RegistryUnavailable",
    "ImageInspectError",
];

/// How far the gateway's pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Whether the pod is made from the newest template, runs since this start, and is ready.
    pub current: bool,
    /// For people.
    pub detail: String,
    /// Why it is not there yet.
    pub reason: Reason,
    /// Whether a pod of the newest template tells what it fails by.
    pub failing: bool,
}

/// Looks, and clears the one way that a rollout can be stuck for ever: Kubernetes doesn't replace a pod
/// that never became ready (Kubernetes "StatefulSets", forced rollback), so a pod of an older template
/// that isn't ready is deleted for it.
///
/// What the API says of a container that doesn't live is from before: the readiness that it tells, and the
/// endpoint that follows from it, go away as soon as kubelet has looked.
pub async fn look(client: &Client) -> Result<Rollout, Failure> {
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), cluster::NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(client.clone(), cluster::NAMESPACE);
    let name = cluster::RELEASE;
    let pod_name = format!("{name}-0");
    let set = sets.get_opt(name).await.on(|| format!("can't read StatefulSet {name}"))?;
    let pod = pods.get_opt(&pod_name).await.on(|| format!("can't read Pod {pod_name}"))?;
    if let (Some(set), Some(pod)) = (&set, &pod)
        && is_stuck(set, pod)
    {
        info!("deleting Pod {pod_name}: it is of an older template and was never ready");
        let only_this = Preconditions { uid: pod.metadata.uid.clone(), ..Preconditions::default() };
        let delete = DeleteParams { preconditions: Some(only_this), ..DeleteParams::default() };
        pods.delete(&pod_name, &delete).await.map(drop).on(|| format!("can't delete Pod {pod_name}"))?;
    }
    Ok(judge(set.as_ref(), pod.as_ref(), containers::lives))
}

fn judge(set: Option<&StatefulSet>, pod: Option<&Pod>, lives: impl Fn(&str) -> bool) -> Rollout {
    let waiting =
        |detail: String| Rollout { current: false, detail, reason: Reason::GatewayNotReady, failing: false };
    let Some(set) = set else {
        let detail = "there is no StatefulSet openshell".to_owned();
        return Rollout { reason: Reason::ReleaseIncomplete, ..waiting(detail) };
    };
    if !is_observed(set) {
        return waiting("the StatefulSet's controller has not seen the newest template yet".to_owned());
    }
    let Some(pod) = pod else { return waiting("there is no Pod openshell-0 yet".to_owned()) };
    if pod.metadata.deletion_timestamp.is_some() {
        return waiting("Pod openshell-0 is ending".to_owned());
    }
    if !all_live(pod, lives) {
        return waiting("Pod openshell-0 was not started again yet".to_owned());
    }
    let is_newest = revision(pod) == update_revision(set);
    Rollout {
        current: is_newest && is_ready(pod),
        detail: describe(pod),
        reason: reason(pod),
        failing: is_newest
            && !is_ready(pod)
            && containers_of(pod).any(|container| held_up(container).is_some()),
    }
}

fn is_stuck(set: &StatefulSet, pod: &Pod) -> bool {
    is_observed(set)
        && revision(pod) != update_revision(set)
        && pod.metadata.deletion_timestamp.is_none()
        && !is_ready(pod)
}

fn is_observed(set: &StatefulSet) -> bool {
    let observed = set.status.as_ref().and_then(|s| s.observed_generation);
    observed.is_some() && observed >= set.metadata.generation
}

fn update_revision(set: &StatefulSet) -> Option<&str> {
    set.status.as_ref()?.update_revision.as_deref()
}

fn revision(pod: &Pod) -> Option<&str> {
    pod.metadata.labels.as_ref()?.get(REVISION_LABEL).map(String::as_str)
}

/// Whether every container that is said to run does.
fn all_live(pod: &Pod, lives: impl Fn(&str) -> bool) -> bool {
    let containers = pod.status.iter().flat_map(|s| s.container_statuses.iter().flatten());
    let mut running = containers.filter(|c| c.state.as_ref().is_some_and(|state| state.running.is_some()));
    running.all(|container| container.container_id.as_deref().is_some_and(&lives))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}

/// The pod's state, with the reason that holds it up if it tells one.
fn describe(pod: &Pod) -> String {
    let Some(status) = &pod.status else { return "Pod openshell-0 has no status yet".to_owned() };
    if let Some(why) = containers_of(pod).find_map(held_up) {
        return format!("Pod openshell-0: {why}");
    }
    let unmet = status.conditions.iter().flatten().find(|c| c.type_ == "PodScheduled" && c.status == "False");
    if let Some(why) = unmet.and_then(|c| c.message.clone()) {
        return format!("Pod openshell-0 is not scheduled: {why}");
    }
    let ready = if is_ready(pod) { "ready" } else { "not ready" };
    format!("Pod openshell-0 is {} and {ready}", status.phase.as_deref().unwrap_or("unknown"))
}

/// Containers, and those that come before them and have not done their work.
fn containers_of(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let done = |c: &&ContainerStatus| {
        let ended = c.state.as_ref().and_then(|state| state.terminated.as_ref());
        ended.is_some_and(|ended| ended.exit_code == 0)
    };
    pod.status.iter().flat_map(move |status| {
        let before = status.init_container_statuses.iter().flatten().filter(move |c| !done(c));
        status.container_statuses.iter().flatten().chain(before)
    })
}

fn reason(pod: &Pod) -> Reason {
    let waits = |c: &ContainerStatus| c.state.as_ref()?.waiting.as_ref()?.reason.clone();
    if containers_of(pod).filter_map(waits).any(|why| NOT_PULLED.contains(&why.as_str())) {
        Reason::ImageNotPulled
    } else {
        Reason::GatewayNotReady
    }
}

fn held_up(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting
        && let Some(reason) = waiting.reason.as_ref().filter(|r| *r != "ContainerCreating")
    {
        let message = waiting.message.as_deref().unwrap_or_default();
        return Some(format!("{}: {reason} {message}", container.name).trim_end().to_owned());
    }
    let ended = state.terminated.as_ref()?;
    Some(format!("{}: ended with exit code {}", container.name, ended.exit_code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(observed: i64, revision: &str) -> StatefulSet {
        serde_json::from_value(json!({
            "metadata": {"generation": 2},
            "status": {"observedGeneration": observed, "updateRevision": revision, "replicas": 1},
        }))
        .unwrap()
    }

    fn pod(revision: &str, ready: &str, waiting: Option<&str>) -> Pod {
        let state = waiting.map_or(
            json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}}),
            |r| json!({"waiting": {"reason": r, "message": "m"}}),
        );
        serde_json::from_value(json!({
            "metadata": {"labels": {REVISION_LABEL: revision}},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"name": "openshell", "image": "i", "imageID": "", "ready": false,
                    "containerID": "containerd://c",
                    "restartCount": 0, "state": state}],
            },
        }))
        .unwrap()
    }

    #[test]
    fn only_a_pod_of_the_newest_template_counts() {
        let current = |set, pod| judge(Some(&set), Some(&pod), |_| true).current;
        assert!(current(set(2, "b"), pod("b", "True", None)));
        assert!(!current(set(2, "b"), pod("a", "True", None)));
        assert!(!current(set(1, "b"), pod("b", "True", None)));
        assert!(!current(set(2, "b"), pod("b", "False", None)));
        assert!(!judge(None, None, |_| true).current);
    }

    #[test]
    fn readiness_of_a_container_that_ended_with_the_last_run_does_not_count() {
        let judge = |lives: bool| {
            judge(Some(&set(2, "b")), Some(&pod("b", "True", None)), |id| id == "containerd://c" && lives)
        };
        assert!(judge(true).current);
        assert!(!judge(false).current);
    }

    #[test]
    fn a_pod_of_an_older_template_is_stuck_only_while_not_ready() {
        assert!(is_stuck(&set(2, "b"), &pod("a", "False", None)));
        assert!(!is_stuck(&set(2, "b"), &pod("a", "True", None)));
        assert!(!is_stuck(&set(2, "b"), &pod("b", "False", None)));
        assert!(!is_stuck(&set(1, "b"), &pod("a", "False", None)));
    }

    #[test]
    fn only_a_pod_of_the_newest_template_fails_it() {
        let failing = |pod: Pod| judge(Some(&set(2, "b")), Some(&pod), |_| true).failing;
        assert!(failing(pod("b", "False", Some("CrashLoopBackOff"))));
        assert!(!failing(pod("a", "False", Some("CrashLoopBackOff"))));
        assert!(!failing(pod("b", "False", Some("ContainerCreating"))));
        assert!(!failing(pod("b", "False", None)), "it may just take its time");
        let mut prepared = pod("b", "False", None);
        let ended = json!([{"name": "before", "image": "i", "imageID": "", "ready": true, "restartCount": 0,
            "state": {"terminated": {"exitCode": 0}}}]);
        prepared.status.as_mut().unwrap().init_container_statuses = serde_json::from_value(ended).unwrap();
        assert!(!failing(prepared), "what comes before has done its work");
    }

    #[test]
    fn an_image_that_can_not_be_pulled_has_a_reason_of_its_own() {
        for (waiting, reason) in [
            (Some("ErrImagePull"), Reason::ImageNotPulled),
            (Some("ImagePullBackOff"), Reason::ImageNotPulled),
            (Some("CrashLoopBackOff"), Reason::GatewayNotReady),
            (None, Reason::GatewayNotReady),
        ] {
            let pod = pod("b", "False", waiting);
            assert_eq!(judge(Some(&set(2, "b")), Some(&pod), |_| true).reason, reason, "{waiting:?}");
        }
    }

    #[test]
    fn the_reason_that_holds_a_pod_up_is_told() {
        let detail =
            judge(Some(&set(2, "b")), Some(&pod("b", "False", Some("ImagePullBackOff"))), |_| true).detail;
        assert_eq!(detail, "Pod openshell-0: openshell: ImagePullBackOff m");
        let detail =
            judge(Some(&set(2, "b")), Some(&pod("b", "False", Some("ContainerCreating"))), |_| true).detail;
        assert_eq!(detail, "Pod openshell-0 is Running and not ready");
    }
}
