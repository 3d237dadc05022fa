//! Secrets: read whole, written by compare-and-swap.

use super::ApiContext;
use crate::failure::Failure;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams, Preconditions};
use openshell_contract::names::cluster;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Which Secret, and of which type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name in the gateway's namespace.
    pub name: &'static str,
    /// Its type, which can't be changed once it exists.
    pub type_: &'static str,
}

/// A Secret as it was read: its data, and what is needed to replace just this version of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KubeSecret {
    /// The content by key.
    pub data: BTreeMap<String, Zeroizing<Vec<u8>>>,
    /// Its type.
    pub type_: String,
    /// The version that was read.
    pub resource_version: Option<String>,
    /// Its identity.
    pub uid: Option<String>,
}

impl KubeSecret {
    /// The text under `key`, if it is there and is UTF-8.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.data.get(key).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

impl std::fmt::Debug for KubeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<_> = self.data.keys().collect();
        f.debug_struct("KubeSecret").field("type", &self.type_).field("keys", &keys).finish_non_exhaustive()
    }
}

/// Reads a Secret. `None` only if the API says that there is none; any other failure is one.
pub async fn read(api: &Api<Secret>, name: &str) -> Result<Option<KubeSecret>, Failure> {
    let secret = api.get_opt(name).await.on(|| format!("can't read Secret {name}"))?;
    Ok(secret.map(|secret| KubeSecret {
        data: secret.data.unwrap_or_default().into_iter().map(|(k, v)| (k, Zeroizing::new(v.0))).collect(),
        type_: secret.type_.unwrap_or_else(|| "Opaque".to_owned()),
        resource_version: secret.metadata.resource_version,
        uid: secret.metadata.uid,
    }))
}

/// Writes a Secret in place of `old`, or creates it if there was none. Fails with a conflict if it is not
/// as it was read any more.
pub async fn write(
    api: &Api<Secret>,
    key: Key,
    old: Option<&KubeSecret>,
    data: BTreeMap<&'static str, Zeroizing<String>>,
    annotations: BTreeMap<String, String>,
) -> Result<(), Failure> {
    let name = key.name;
    // The type is immutable: one that differs (an original gateway made it) has to go first.
    let old = match old {
        Some(old) if old.type_ != key.type_ => {
            let only_this =
                Preconditions { uid: old.uid.clone(), resource_version: old.resource_version.clone() };
            let delete = DeleteParams { preconditions: Some(only_this), ..DeleteParams::default() };
            api.delete(name, &delete)
                .await
                .on(|| format!("can't delete Secret {name} of type {}", old.type_))?;
            None
        }
        old => old,
    };
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([(
                cluster::MANAGED_BY_LABEL.to_owned(),
                cluster::FIELD_MANAGER.to_owned(),
            )])),
            annotations: Some(annotations),
            resource_version: old.and_then(|old| old.resource_version.clone()),
            ..ObjectMeta::default()
        },
        type_: Some(key.type_.to_owned()),
        data: Some(
            data.into_iter().map(|(k, v)| (k.to_owned(), ByteString(v.as_bytes().to_vec()))).collect(),
        ),
        ..Secret::default()
    };
    let params =
        PostParams { field_manager: Some(cluster::FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match old {
        None => api.create(&params, &secret).await.on(|| format!("can't create Secret {name}"))?,
        Some(_) => api.replace(name, &params, &secret).await.on(|| format!("can't replace Secret {name}"))?,
    };
    Ok(())
}
