//! Deletions that may have happened already.

use super::client::{is_missing, within};
use crate::failure::Failure;
use kube::Resource;
use kube::api::{Api, DeleteParams};
use serde::de::DeserializeOwned;
use std::fmt::{Debug, Display};

/// Deletes an object as `how` says. One that is not there, nor its kind, is no failure.
pub async fn delete<K, D>(
    api: &Api<K>,
    name: &str,
    how: &DeleteParams,
    what: impl Fn() -> D,
) -> Result<(), Failure>
where
    K: Clone + Debug + DeserializeOwned + Resource,
    D: Display,
{
    let gone = async {
        match api.delete(name, how).await {
            Err(e) if is_missing(&e) => Ok(()),
            other => other.map(drop),
        }
    };
    within(gone, what).await
}
