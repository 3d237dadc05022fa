//! Follows the changes of a kind.
//!
//! It is listed first, and watched from there (Kubernetes "Efficient detection of changes"). A watch from version
//! "0", which would tell what there is by itself, is refused where the storage can't say how far it is, as kine
//! can't.

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use kube::api::{Api, ListParams, PartialObjectMeta, WatchEvent, WatchParams};
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::fmt::Debug;
use std::time::{Duration, Instant};
use tracing::debug;

/// First and longest delay before it is begun again.
const DELAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// A watch that lived for so long ended because the server ends them all.
const LONG: Duration = Duration::from_secs(10);

/// What is seen of a kind.
#[derive(Debug)]
pub enum Seen<T> {
    /// All that there is. Not for the first time, something may have happened meanwhile.
    All(Vec<T>),
    /// A change.
    Change(WatchEvent<T>),
    /// The watch ended: until all is told again, nothing is.
    Nothing,
}

/// Where it is seen.
pub trait Source: Sync {
    /// What an object is told as.
    type Item: Send;
    /// All that there is, and the version that it is of.
    fn list(&self) -> impl Future<Output = Result<(Vec<Self::Item>, Option<String>), kube::Error>> + Send;
    /// What changes from a version on.
    fn watch(&self, from: &str) -> impl Future<Output = Result<Changes<Self::Item>, kube::Error>> + Send;
}

/// A stream of changes.
pub type Changes<T> = BoxStream<'static, Result<WatchEvent<T>, kube::Error>>;

/// Objects whole.
pub struct Whole<K>(pub Api<K>);

impl<K: Clone + Debug + DeserializeOwned + Send + 'static> Source for Whole<K> {
    type Item = K;

    async fn list(&self) -> Result<(Vec<K>, Option<String>), kube::Error> {
        let listed = self.0.list(&ListParams::default()).await?;
        Ok((listed.items, listed.metadata.resource_version))
    }

    async fn watch(&self, from: &str) -> Result<Changes<K>, kube::Error> {
        Ok(self.0.watch(&WatchParams::default(), from).await?.boxed())
    }
}

/// Changes of objects' metadata alone; of all that there is, only the version.
pub struct Metadata<K>(pub Api<K>);

impl<K: Clone + Debug + DeserializeOwned + Send + 'static> Source for Metadata<K> {
    type Item = PartialObjectMeta<K>;

    async fn list(&self) -> Result<(Vec<Self::Item>, Option<String>), kube::Error> {
        let listed = self.0.list_metadata(&ListParams::default().limit(1)).await?;
        Ok((Vec::new(), listed.metadata.resource_version))
    }

    async fn watch(&self, from: &str) -> Result<Changes<Self::Item>, kube::Error> {
        Ok(self.0.watch_metadata(&WatchParams::default(), from).await?.boxed())
    }
}

/// Tells all that there is and each change of it, for ever.
pub async fn follow<S: Source>(source: &S, mut tell: impl FnMut(Seen<S::Item>) + Send) -> Infallible {
    let mut delay = DELAY.0;
    loop {
        let begin = Instant::now();
        let ended = once(source, &mut tell).await;
        delay = next_delay(delay, begin.elapsed());
        debug!("a watch ended, the next one begins in {delay:?}: {ended:?}");
        tokio::time::sleep(delay).await;
    }
}

async fn once<S: Source>(
    source: &S,
    tell: &mut (impl FnMut(Seen<S::Item>) + Send),
) -> Result<(), kube::Error> {
    let (all, version) = source.list().await?;
    tell(Seen::All(all));
    let mut events = source.watch(&version.unwrap_or_default()).await?;
    loop {
        match events.try_next().await {
            Ok(Some(event)) => tell(Seen::Change(event)),
            ended => {
                tell(Seen::Nothing);
                return ended.map(drop);
            }
        }
    }
}

/// The delay after a watch that lived for so long, when the one before was `last`.
fn next_delay(last: Duration, lived: Duration) -> Duration {
    if lived >= LONG { DELAY.0 } else { (last * 2).min(DELAY.1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// One that is there and changes once in each watch.
    #[derive(Default)]
    struct Fake(Mutex<Vec<String>>);

    impl Source for Fake {
        type Item = i32;

        async fn list(&self) -> Result<(Vec<i32>, Option<String>), kube::Error> {
            self.0.lock().unwrap().push("list".to_owned());
            Ok((vec![1], Some("7".to_owned())))
        }

        async fn watch(&self, from: &str) -> Result<Changes<i32>, kube::Error> {
            self.0.lock().unwrap().push(format!("watch from {from}"));
            Ok(futures_util::stream::iter([Ok(WatchEvent::Modified(2))]).boxed())
        }
    }

    #[test]
    fn it_is_watched_from_what_was_listed_and_listed_again_when_that_ends() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let source = Fake::default();
        let tell = |seen: Seen<i32>| source.0.lock().unwrap().push(format!("{seen:?}"));
        runtime.block_on(async {
            let twice = DELAY.0 * 5;
            assert!(tokio::time::timeout(twice, follow(&source, tell)).await.is_err());
        });
        let round = ["list", "All([1])", "watch from 7", "Change(Modified event)", "Nothing"];
        assert_eq!(source.0.into_inner().unwrap(), [round, round].concat());
    }

    #[test]
    fn one_that_ends_at_once_is_begun_ever_more_seldom() {
        let mut delay = DELAY.0;
        let mut after = |lived| {
            delay = next_delay(delay, Duration::from_secs(lived));
            delay.as_secs()
        };
        assert_eq!([0, 0, 0, 0, 0, 0].map(&mut after), [2, 4, 8, 16, 30, 30]);
        assert_eq!(after(300), 1);
    }
}
