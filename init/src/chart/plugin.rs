//! Takes NVIDIA's device plugin away that the original had deployed by a `HelmChart` of its own. Ours is an object
//! of the image, which comes and goes with its switch; beside the other one, kubelet would be told of each GPU
//! twice, and the other one would stay when GPUs are switched off.

use super::takeover::{forget, release};
use crate::failure::Failure;
use crate::kube::within;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, ListParams};

/// The `HelmChart`, the release, and the namespace of the release; the namespace stays.
const NAME: &str = "nvidia-device-plugin";
/// What its chart makes (NVIDIA/k8s-device-plugin `deployments/helm`, as the original sets it).
const SETS: [&str; 2] = [NAME, "nvidia-device-plugin-mps-control-daemon"];

/// Takes it away, if it is there. Returns whether it was.
pub async fn retire(client: &Client) -> Result<bool, Failure> {
    release(client, NAME, async || {
        for set in SETS {
            forget::<DaemonSet>(&Api::namespaced(client.clone(), NAME), (Some(NAME), set.to_owned())).await?;
        }
        let secrets: Api<Secret> = Api::namespaced(client.clone(), NAME);
        let of_release = ListParams::default().labels(&format!("owner=helm,name={NAME}"));
        let found =
            within(secrets.list_metadata(&of_release), || format!("can't list the Secrets in {NAME}"));
        for secret in found.await?.items.into_iter().filter_map(|secret| secret.metadata.name) {
            forget(&secrets, (Some(NAME), secret)).await?;
        }
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::fake::{Fake, Fault};
    use serde_json::json;

    const CHART: &str = "/apis/helm.cattle.io/v1/namespaces/kube-system/helmcharts/nvidia-device-plugin";
    const JOB: &str = "/apis/batch/v1/namespaces/kube-system/jobs/helm-install-nvidia-device-plugin";
    const SET: &str = "/apis/apps/v1/namespaces/nvidia-device-plugin/daemonsets/nvidia-device-plugin";
    const RECORD: &str =
        "/api/v1/namespaces/nvidia-device-plugin/secrets/sh.helm.release.v1.nvidia-device-plugin.v1";
    const OURS: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets/nvidia-device-plugin";

    fn original() -> Fake {
        let fake = Fake::default();
        for (path, api, kind) in [
            (CHART, "helm.cattle.io/v1", "HelmChart"),
            (JOB, "batch/v1", "Job"),
            (SET, "apps/v1", "DaemonSet"),
            (RECORD, "v1", "Secret"),
            (OURS, "apps/v1", "DaemonSet"),
        ] {
            let name = path.rsplit('/').next();
            fake.put(path, json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}}));
        }
        fake
    }

    fn run(fake: &Fake) -> Result<bool, Failure> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { retire(&fake.client()).await })
    }

    #[test]
    fn the_originals_goes_and_ours_stays_wherever_it_is_cut_off() {
        let whole = original();
        assert!(run(&whole).unwrap());
        let calls = whole.calls().len();
        for call in 0..calls {
            for fault in Fault::ALL {
                let fake = original();
                fake.arm(&[(call, fault)]);
                // It may fail, and the next one has to do the rest.
                let _ = run(&fake);
                fake.arm(&[]);
                run(&fake).unwrap();
                for gone in [CHART, JOB, SET, RECORD] {
                    assert_eq!(fake.get(gone), None, "{gone}: {call} {fault:?}");
                }
                assert!(fake.get(OURS).is_some(), "{call} {fault:?}");
                assert!(!run(&fake).unwrap(), "there is nothing left");
            }
        }
    }
}
