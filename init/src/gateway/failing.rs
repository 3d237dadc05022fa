//! Since when the gateway's pod fails. Pure: the clock is an argument.

use std::time::Duration;
use tokio::time::Instant;

/// How the pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is ready.
    Well,
    /// It tells what it fails by.
    Failing,
    /// Neither: it is being made, or between two attempts.
    Unclear,
}

/// Since when the pod of a revision of the chart fails.
#[derive(Debug, Default)]
pub struct Failing {
    since: Option<(u32, Instant)>,
}

impl Failing {
    /// Takes note of how the pod is. Returns how long ago its first failure was, if it fails now: between two
    /// attempts it may seem well, so that only its being ready, or another revision, ends the time.
    pub fn note(&mut self, revision: u32, now: Instant, state: State) -> Option<Duration> {
        self.since = self.since.filter(|(of, _)| *of == revision && state != State::Well);
        if state != State::Failing {
            return None;
        }
        let (_, since) = *self.since.get_or_insert((revision, now));
        Some(now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::State::{Failing as Fails, Unclear, Well};
    use super::*;

    #[test]
    fn the_time_runs_from_the_first_failure_until_it_is_ready_or_another_revision() {
        let start = Instant::now();
        let mut failing = Failing::default();
        let mut note = |revision, second, state| {
            let told = failing.note(revision, start + Duration::from_secs(second), state);
            told.map(|since| since.as_secs())
        };
        for (revision, second, state, told) in [
            (1, 0, Unclear, None),
            (1, 5, Fails, Some(0)),
            (1, 10, Unclear, None),
            (1, 20, Fails, Some(15)),
            (2, 30, Fails, Some(0)),
            (2, 40, Well, None),
            (2, 50, Fails, Some(0)),
            (2, 55, Fails, Some(5)),
        ] {
            assert_eq!(note(revision, second, state), told, "{second}");
        }
    }
}
