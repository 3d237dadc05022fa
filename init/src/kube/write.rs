//! Secrets as they are written: created, or replaced in just the version that was read.

use super::{Key, KubeSecret, Owner, within};
use crate::failure::Failure;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use serde_json::json;
use std::collections::BTreeMap;
use zeroize::{Zeroize, Zeroizing};

/// What a Secret is to hold.
pub type Data = BTreeMap<&'static str, Zeroizing<String>>;

/// Refuses a Secret that somebody else keeps.
pub fn check_owner(key: Key, old: Option<&KubeSecret>) -> Result<(), Failure> {
    match old.map(KubeSecret::owner) {
        Some(Owner::Other(owner)) => Err(Failure::new(
            Reason::ForeignSecret,
            format!("Secret {} can't be used as it is, and {owner} keeps it, so it is left alone", key.name),
        )),
        _ => Ok(()),
    }
}

/// Writes a Secret in place of `old`, or creates it if there was none. Fails with a conflict if it is not
/// as it was read any more. Returns it as it is now.
pub async fn write(
    api: &Api<Secret>,
    key: Key,
    old: Option<&KubeSecret>,
    data: Data,
    annotation: (&str, String),
) -> Result<KubeSecret, Failure> {
    let name = key.name;
    check_owner(key, old)?;
    let old = match old {
        // Neither the type nor immutable data can be changed (Kubernetes "Secrets"): it has to go first.
        Some(old) if old.immutable || !fits(&old.type_, &data) => {
            let only_this =
                Preconditions { uid: old.uid.clone(), resource_version: old.resource_version.clone() };
            let delete = DeleteParams { preconditions: Some(only_this), ..DeleteParams::default() };
            within(api.delete(name, &delete), || {
                format!("can't delete Secret {name}, whose type {} does not fit", old.type_)
            })
            .await?;
            None
        }
        old => old,
    };
    let secret = Wiped(object(key, old, data, annotation));
    let params =
        PostParams { field_manager: Some(cluster::FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let written = match old {
        None => within(api.create(&params, &secret.0), || format!("can't create Secret {name}")).await?,
        Some(_) => {
            within(api.replace(name, &params, &secret.0), || format!("can't replace Secret {name}")).await?
        }
    };
    Ok(written.into())
}

/// Sets an annotation on the version of a Secret that was read. Never creates it, and touches nothing else.
pub async fn annotate(
    api: &Api<Secret>,
    key: Key,
    old: &KubeSecret,
    annotation: (&str, &str),
) -> Result<(), Failure> {
    let patch = json!({"metadata": {
        "resourceVersion": old.resource_version,
        "annotations": {annotation.0: annotation.1},
    }});
    let params =
        PatchParams { field_manager: Some(cluster::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(patch);
    let patched =
        within(api.patch(key.name, &params, &patch), || format!("can't annotate Secret {}", key.name));
    patched.await.map(|secret| drop(KubeSecret::from(secret)))
}

/// Whether a Secret of `type_` may hold `data` (Kubernetes "Secrets", types).
fn fits(type_: &str, data: &Data) -> bool {
    match type_ {
        "Opaque" => true,
        "kubernetes.io/tls" => data.contains_key("tls.crt") && data.contains_key("tls.key"),
        _ => false,
    }
}

fn object(key: Key, old: Option<&KubeSecret>, data: Data, (name, value): (&str, String)) -> Secret {
    let mut labels = old.map(|old| old.labels.clone()).unwrap_or_default();
    labels.insert(cluster::MANAGED_BY_LABEL.to_owned(), cluster::FIELD_MANAGER.to_owned());
    let mut annotations = old.map(|old| old.annotations.clone()).unwrap_or_default();
    annotations.insert(name.to_owned(), value);
    Secret {
        metadata: ObjectMeta {
            name: Some(key.name.to_owned()),
            labels: Some(labels),
            annotations: Some(annotations),
            resource_version: old.and_then(|old| old.resource_version.clone()),
            ..ObjectMeta::default()
        },
        type_: Some(old.map_or_else(|| key.type_.to_owned(), |old| old.type_.clone())),
        data: Some(
            data.into_iter().map(|(k, v)| (k.to_owned(), ByteString(v.as_bytes().to_vec()))).collect(),
        ),
        ..Secret::default()
    }
}

/// An API object whose data is wiped when it goes, even if the call that it is for is cut off.
struct Wiped(Secret);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.data.iter_mut().flat_map(BTreeMap::values_mut).for_each(|value| value.0.zeroize());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(keys: &[&'static str]) -> Data {
        keys.iter().map(|key| (*key, Zeroizing::new("x".to_owned()))).collect()
    }

    #[test]
    fn a_type_is_kept_where_it_can_hold_the_data() {
        assert!(fits("Opaque", &data(&["ca.crt"])));
        assert!(fits("kubernetes.io/tls", &data(&["tls.crt", "tls.key", "ca.crt"])));
        assert!(!fits("kubernetes.io/tls", &data(&["ca.crt"])));
        assert!(!fits("kubernetes.io/basic-auth", &data(&["ca.crt"])));
    }

    #[test]
    fn labels_and_annotations_of_others_are_kept() {
        let old = KubeSecret {
            labels: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
            annotations: BTreeMap::from([("note".to_owned(), "b".to_owned())]),
            type_: "kubernetes.io/tls".to_owned(),
            resource_version: Some("7".to_owned()),
            ..KubeSecret::default()
        };
        let key = Key { name: "x", type_: "Opaque" };
        let secret = object(key, Some(&old), data(&["tls.crt"]), ("ours", "1".to_owned()));
        let labels = secret.metadata.labels.unwrap();
        assert_eq!((labels["team"].as_str(), labels.len()), ("a", 2));
        assert_eq!(secret.metadata.annotations.unwrap().len(), 2);
        assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
        assert_eq!(secret.metadata.resource_version.as_deref(), Some("7"));
    }

    #[test]
    fn what_somebody_else_keeps_is_left_alone() {
        let labels = BTreeMap::from([(cluster::MANAGED_BY_LABEL.to_owned(), "cert-manager".to_owned())]);
        let old = KubeSecret { labels, ..KubeSecret::default() };
        let refused = check_owner(Key { name: "x", type_: "Opaque" }, Some(&old)).unwrap_err();
        assert_eq!(refused.reason, Reason::ForeignSecret);
        assert!(refused.message.contains("cert-manager"), "{refused}");
    }
}
