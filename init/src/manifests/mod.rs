//! Objects that the image brings along: applied, and taken away when a newer image brings them no more.

mod apply;
mod bundle;
mod inventory;
mod kinds;
mod plan;
mod prune;

use crate::failure::Failure;
use apply::Applier;
use kinds::Kinds;
use kube::Client;
use plan::Entry;
use std::collections::BTreeSet;
use tracing::info;

/// What became of the image's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// For the status.
    pub done: String,
    /// What left the image and is kept all the same, each with why.
    pub kept: Vec<String>,
}

/// Keeps them as the image has them, pass after pass.
#[derive(Default)]
pub struct Keeper {
    kinds: Kinds,
}

impl Keeper {
    /// Applies every object of the image, those for GPUs if `gpu` says so, then prunes those that an earlier image
    /// brought and this one does not.
    ///
    /// The kinds that were asked for are remembered until something fails: they may be others then.
    pub async fn apply(&mut self, client: &Client, gpu: bool) -> Result<Applied, Failure> {
        let mut applier = Applier::new(client, std::mem::take(&mut self.kinds));
        let done = apply(&mut applier, client, gpu).await?;
        self.kinds = applier.into_kinds();
        Ok(done)
    }
}

/// The inventory names an object before it is applied, and until after it is pruned: cut off anywhere, the
/// next run knows of everything that there may be.
async fn apply(applier: &mut Applier<'_>, client: &Client, gpu: bool) -> Result<Applied, Failure> {
    let objects = bundle::objects(gpu)?;
    let wanted: BTreeSet<Entry> = objects.iter().map(|object| object.entry.clone()).collect();
    let (recorded, ()) = tokio::try_join!(inventory::read(client), applier.learn(&wanted))?;
    let all = &recorded | &wanted;
    if all != recorded {
        inventory::write(client, &all).await?;
    }
    for step in plan::in_order(&objects) {
        applier.apply(&step).await?;
    }
    let (mut left, mut kept, mut pruned) = (wanted.clone(), Vec::new(), Vec::new());
    for entry in &recorded - &wanted {
        match prune::prune(applier, &entry).await? {
            prune::Outcome::Gone => {
                info!("pruned {entry}: the image brings it no more");
                pruned.push(entry.to_string());
            }
            prune::Outcome::Kept(why) => {
                kept.push(format!("{entry}: {why}"));
                left.insert(entry);
            }
            prune::Outcome::Disowned => info!("{entry} left the image, and somebody else keeps it"),
        }
    }
    if left != all {
        inventory::write(client, &left).await?;
    }
    let mut done = format!("{} objects applied", wanted.len());
    if !pruned.is_empty() {
        done = format!("{done}; pruned {}", pruned.join(", "));
    }
    Ok(Applied { done, kept })
}
