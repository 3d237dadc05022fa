//! Takes the release over from the original, whose k3s had it deployed by a `HelmChart` object.
//!
//! The release itself stays as it is: the next revision goes on from it, with the `StatefulSet` and its claim.
//! What goes is everything that could deploy it again beside us, or uninstall it: the object's finalizer makes
//! a Helm controller do that when the object is deleted (helm-controller `pkg/controllers/chart/chart.go`). The
//! object goes last, so that a takeover that was cut off is begun again.

use crate::failure::Failure;
use crate::kube::{delete, is_missing, within};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::core::GroupVersionKind;
use kube::{Client, Resource};
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;
use std::time::Duration;

/// Where the controller and its objects are.
const SYSTEM: &str = "kube-system";
/// How long a deployment that is under way may take to end.
const ENDING: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(250);

/// Takes the release over, if it was the original's. Returns whether it was.
pub async fn take_over(client: &Client) -> Result<bool, Failure> {
    release(client, cluster::RELEASE, async || Ok(())).await
}

/// Takes a `HelmChart` of the original away, after what its job is made of and what `also` takes away. Returns
/// whether there was one.
pub(super) async fn release(
    client: &Client,
    name: &str,
    also: impl AsyncFnOnce() -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let kind = GroupVersionKind::gvk("helm.cattle.io", "v1", "HelmChart");
    let kind = ApiResource::from_gvk_with_plural(&kind, "helmcharts");
    let charts: Api<DynamicObject> = Api::namespaced_with(client.clone(), SYSTEM, &kind);
    let found = async {
        match charts.get(name).await {
            Ok(chart) => Ok(Some(chart)),
            // Neither has a cluster of ours the object, nor the kind.
            Err(e) if is_missing(&e) => Ok(None),
            Err(e) => Err(e),
        }
    };
    let Some(chart) = within(found, || "can't look for the original's HelmChart").await? else {
        return Ok(false);
    };
    end_job(client, &format!("helm-install-{name}")).await?;
    let here = |object: String| (Some(SYSTEM), object);
    forget::<ServiceAccount>(&Api::namespaced(client.clone(), SYSTEM), here(format!("helm-{name}"))).await?;
    forget::<ConfigMap>(&Api::namespaced(client.clone(), SYSTEM), here(format!("chart-content-{name}")))
        .await?;
    forget::<Secret>(&Api::namespaced(client.clone(), SYSTEM), here(format!("chart-values-{name}"))).await?;
    // It makes the job's account an administrator of the cluster.
    let binding = format!("helm-{SYSTEM}-{name}");
    forget::<ClusterRoleBinding>(&Api::all(client.clone()), (None, binding)).await?;

    also().await?;
    let context = || format!("can't take the release over from HelmChart {name} in {SYSTEM}");
    let without = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    within(charts.patch_metadata(name, &PatchParams::default(), &without), context).await?;
    let only_this = Preconditions { uid: chart.metadata.uid, ..Preconditions::default() };
    // It is gone already if it was being deleted.
    delete(&charts, name, &DeleteParams::default().preconditions(only_this), context).await?;
    Ok(true)
}

/// Deletes the job that runs Helm, and waits until it is gone. In the foreground it goes after its pods, and makes
/// none meanwhile (Kubernetes "Garbage Collection").
async fn end_job(client: &Client, job: &str) -> Result<(), Failure> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), SYSTEM);
    delete(&jobs, job, &DeleteParams::foreground(), || format!("can't delete Job {job}")).await?;
    let gone = async {
        while within(jobs.get_opt(job), || format!("can't look for Job {job}")).await?.is_some() {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    };
    tokio::time::timeout(ENDING, gone).await.unwrap_or_else(|_| {
        let message = format!("Job {job} of the original still deploys the release, and two must not");
        Err(Failure::new(Reason::ChartFailed, message))
    })
}

/// Deletes an object, if it is there.
pub(super) async fn forget<K>(api: &Api<K>, (namespace, name): (Option<&str>, String)) -> Result<(), Failure>
where
    K: Clone + Debug + DeserializeOwned + Resource,
{
    delete(api, &name, &DeleteParams::default(), || {
        format!("can't delete {name} in {}, the original's", namespace.unwrap_or("the cluster"))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::fake::Fake;
    use serde_json::Value;

    const CHART: &str = "/apis/helm.cattle.io/v1/namespaces/kube-system/helmcharts/openshell";
    const JOB: &str = "/apis/batch/v1/namespaces/kube-system/jobs/helm-install-openshell";
    const BINDING: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/helm-kube-system-openshell";
    const SET: &str = "/apis/apps/v1/namespaces/openshell/statefulsets/openshell";

    fn object(api: &str, kind: &str, name: &str) -> Value {
        json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}})
    }

    fn original() -> Fake {
        let fake = Fake::default();
        let mut chart = object("helm.cattle.io/v1", "HelmChart", "openshell");
        chart["metadata"]["finalizers"] = json!(["wrangler.cattle.io/on-helm-chart-remove"]);
        fake.put(CHART, chart);
        fake.put(JOB, object("batch/v1", "Job", "helm-install-openshell"));
        fake.put(
            BINDING,
            object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "helm-kube-system-openshell"),
        );
        fake.put(SET, object("apps/v1", "StatefulSet", "openshell"));
        fake
    }

    fn run(fake: &Fake) -> Result<bool, Failure> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { take_over(&fake.client()).await })
    }

    #[test]
    fn what_could_deploy_or_uninstall_it_goes_and_the_release_stays() {
        let fake = original();
        assert!(run(&fake).unwrap());
        for gone in [CHART, JOB, BINDING] {
            assert_eq!(fake.get(gone), None, "{gone}");
        }
        assert!(fake.get(SET).is_some());
        assert!(!run(&fake).unwrap(), "there is nothing left to take over");
    }

    #[test]
    fn cut_off_at_any_call_it_is_begun_again() {
        let whole = original();
        whole.arm(&[]);
        run(&whole).unwrap();
        let calls = whole.calls().len();
        assert!(calls > 6, "{:?}", whole.calls());
        for call in 0..calls {
            for fault in crate::kube::fake::Fault::ALL {
                let fake = original();
                fake.arm(&[(call, fault)]);
                // It may fail, and the next one has to do the rest.
                let _ = run(&fake);
                fake.arm(&[]);
                run(&fake).unwrap();
                assert!(fake.get(CHART).is_none() && fake.get(JOB).is_none(), "{call} {fault:?}");
                assert!(fake.get(BINDING).is_none() && fake.get(SET).is_some(), "{call} {fault:?}");
            }
        }
    }

    #[test]
    fn nothing_is_taken_over_while_its_job_runs() {
        let fake = original();
        let mut job = object("batch/v1", "Job", "helm-install-openshell");
        job["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
        fake.put(JOB, job.clone());
        let failure = run(&fake).unwrap_err();
        assert!(failure.message.contains("helm-install-openshell"), "{failure}");
        assert!(fake.get(CHART).is_some());
        // Its pods have ended.
        job["metadata"]["finalizers"] = json!([]);
        fake.put(JOB, job);
        assert!(run(&fake).unwrap());
    }
}
