//! Secrets as they are read.

use super::within;
use crate::failure::Failure;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use openshell_contract::names::cluster;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Which Secret, and of which type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name in the gateway's namespace.
    pub name: &'static str,
    /// The type that it is created with. One that is there already keeps its own while that fits.
    pub type_: &'static str,
}

/// Who keeps a Secret, by its label `app.kubernetes.io/managed-by`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// We do.
    Ours,
    /// No label: an original gateway or a person made it.
    Nobody,
    /// Somebody else does, and would overwrite what we write.
    Other(String),
}

/// A Secret as it was read: its data, and what is needed to replace just this version of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KubeSecret {
    /// The content by key.
    pub data: BTreeMap<String, Zeroizing<Vec<u8>>>,
    /// Its type.
    pub type_: String,
    /// Whether its data can't be changed any more.
    pub immutable: bool,
    /// The version that was read.
    pub resource_version: Option<String>,
    /// Its identity.
    pub uid: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl KubeSecret {
    /// The text under `key`, if it is there and is UTF-8.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.data.get(key).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// Who keeps it.
    pub fn owner(&self) -> Owner {
        match self.labels.get(cluster::MANAGED_BY_LABEL) {
            None => Owner::Nobody,
            Some(us) if us == cluster::FIELD_MANAGER => Owner::Ours,
            Some(other) => Owner::Other(other.clone()),
        }
    }
}

impl From<Secret> for KubeSecret {
    fn from(secret: Secret) -> Self {
        let data = secret.data.unwrap_or_default();
        Self {
            data: data.into_iter().map(|(k, v)| (k, Zeroizing::new(v.0))).collect(),
            type_: secret.type_.unwrap_or_else(|| "Opaque".to_owned()),
            immutable: secret.immutable.unwrap_or(false),
            resource_version: secret.metadata.resource_version,
            uid: secret.metadata.uid,
            labels: secret.metadata.labels.unwrap_or_default(),
            annotations: secret.metadata.annotations.unwrap_or_default(),
        }
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
    let secret = within(api.get_opt(name), || format!("can't read Secret {name}")).await?;
    Ok(secret.map(KubeSecret::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_told_by_the_label() {
        let labelled = |value: &str| {
            let labels = BTreeMap::from([(cluster::MANAGED_BY_LABEL.to_owned(), value.to_owned())]);
            KubeSecret { labels, ..KubeSecret::default() }.owner()
        };
        assert_eq!(KubeSecret::default().owner(), Owner::Nobody);
        assert_eq!(labelled("openshell-init"), Owner::Ours);
        assert_eq!(labelled("Helm"), Owner::Other("Helm".to_owned()));
    }

    #[test]
    fn a_secret_is_not_in_its_debug_text() {
        let data = BTreeMap::from([("secret".to_owned(), Zeroizing::new(b"hunter2".to_vec()))]);
        assert!(!format!("{:?}", KubeSecret { data, ..KubeSecret::default() }).contains("hunter2"));
    }
}
