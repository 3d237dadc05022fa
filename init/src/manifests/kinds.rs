//! Where the objects of a kind are found. The API tells all kinds of a group's version at once.

use super::plan::Entry;
use crate::failure::{Context, Failure};
use crate::kube::{is_missing, within};
use futures_util::future::try_join_all;
use kube::Client;
use kube::core::GroupVersion;
use kube::discovery::{self, ApiResource, Scope};
use openshell_contract::reason::Reason;
use std::collections::{BTreeMap, BTreeSet};

/// By the version and name of a kind.
type Places = BTreeMap<(String, String), (ApiResource, Scope)>;

/// The kinds that the API was asked for.
#[derive(Default)]
pub struct Kinds(Places);

impl Kinds {
    /// Asks for the kinds of these, all at once, as far as they aren't known. Those that the API does not serve stay
    /// unknown.
    pub async fn learn<'a>(
        &mut self,
        client: &Client,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<(), Failure> {
        let unknown: BTreeSet<&str> = entries
            .into_iter()
            .filter(|entry| !self.0.contains_key(&key(entry)))
            .map(|entry| entry.api_version.as_str())
            .collect();
        for places in try_join_all(unknown.into_iter().map(|version| ask(client, version))).await? {
            self.0.extend(places);
        }
        Ok(())
    }

    /// Where objects of an entry's kind are, if the API serves it.
    pub async fn of(
        &mut self,
        client: &Client,
        entry: &Entry,
    ) -> Result<Option<&(ApiResource, Scope)>, Failure> {
        self.learn(client, [entry]).await?;
        Ok(self.0.get(&key(entry)))
    }
}

fn key(entry: &Entry) -> (String, String) {
    (entry.api_version.clone(), entry.kind.clone())
}

async fn ask(client: &Client, version: &str) -> Result<Places, Failure> {
    let what = || format!("can't ask for the kinds of {version}");
    let group: GroupVersion = version.parse().failing(Reason::ImageIncomplete, what)?;
    let asked = async {
        match discovery::pinned_group(client, &group).await {
            Ok(group) => Ok(Some(group)),
            Err(e) if is_missing(&e) => Ok(None),
            Err(e) => Err(e),
        }
    };
    let found = within(asked, what).await?;
    let resources = found.iter().flat_map(|found| found.versioned_resources(&group.version));
    Ok(resources
        .map(|(resource, able)| ((version.to_owned(), resource.kind.clone()), (resource, able.scope)))
        .collect())
}
