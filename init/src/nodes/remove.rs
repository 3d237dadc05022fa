//! Takes a node out of the cluster, with what only it needed.

use super::decide::Deletion;
use super::view;
use crate::failure::Failure;
use crate::kube::{is_conflict, is_missing, within};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, DeleteParams, ListParams, Preconditions};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Namespace of the nodes' leases (Kubernetes "Leases").
const LEASES: &str = "kube-node-lease";
/// Namespace of the nodes' passwords (k3s `pkg/nodepassword`).
const PASSWORDS: &str = "kube-system";

/// Removes the node. Its pods go first and at once, so that a `StatefulSet`, which never runs two pods of one
/// name, makes them anew elsewhere; the node goes last, so that a removal that was cut off is begun again.
/// Returns how many pods there were.
pub async fn remove(client: &Client, deletion: &Deletion) -> Result<usize, Failure> {
    let node = &deletion.node;
    let pods: Api<Pod> = Api::all(client.clone());
    let bound = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let bound = within(pods.list_metadata(&bound), || format!("can't list the pods of node {node}")).await?;
    for pod in &bound.items {
        let (Some(namespace), Some(name)) = (&pod.metadata.namespace, &pod.metadata.name) else { continue };
        let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
        // No kubelet is there to end its containers and confirm it (Kubernetes "Pods", forced deletion).
        delete(&api, name, &only(pod.metadata.uid.clone()).grace_period(0)).await?;
    }
    let lease: Api<Lease> = Api::namespaced(client.clone(), LEASES);
    delete(&lease, node, &DeleteParams::default()).await?;
    let password: Api<Secret> = Api::namespaced(client.clone(), PASSWORDS);
    delete(&password, &format!("{node}.node-password.k3s"), &DeleteParams::default()).await?;
    delete(&view::nodes(client), node, &only(Some(deletion.uid.clone()))).await?;
    Ok(bound.items.len())
}

fn only(uid: Option<String>) -> DeleteParams {
    DeleteParams::default().preconditions(Preconditions { uid, ..Preconditions::default() })
}

/// Deletes an object. One that is gone, or another one by now, is no failure.
async fn delete<K>(api: &Api<K>, name: &str, how: &DeleteParams) -> Result<(), Failure>
where
    K: Clone + Debug + DeserializeOwned + Resource,
{
    let gone = async {
        match api.delete(name, how).await {
            Ok(_) => Ok(()),
            Err(e) if is_missing(&e) || is_conflict(&e) => Ok(()),
            Err(e) => Err(e),
        }
    };
    within(gone, || format!("can't delete {name} of a node that is gone")).await
}
