//! Whether k3s, which runs, also answers: a process that hangs ends for nobody.
//!
//! An API server on a slow disk may be silent for minutes and come back (k3s issue 9073), so silence is
//! told soon, and ends k3s late and seldom.

use super::supervise::K3s;
use crate::failure::Failure;
use crate::reconcile::Reconciler;
use crate::stage::Stage;
use kube::Client;
use openshell_contract::reason::Reason;
use openshell_contract::status::Phase;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tracing::debug;

/// About how often it is asked, and how long an answer may take.
const PERIOD: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(10);
/// Silence that is told.
const TOLD: Duration = Duration::from_secs(30);
/// Silence after which it is ended, counted from its start at the earliest.
const ENDED: Duration = Duration::from_mins(5);
/// Time between two such ends.
const APART: Duration = Duration::from_mins(30);

/// What to make of the answers until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It answers, or has not been silent for long.
    Well,
    /// It has been silent for so long.
    Silent(Duration),
    /// It has been silent for too long.
    Hung(Duration),
}

/// Judges the answers. Pure: the clock is an argument.
#[derive(Debug, Default)]
struct Watch {
    silent_since: Option<Instant>,
    ended: Option<Instant>,
}

impl Watch {
    /// Judges an answer at `now` of a k3s that runs since `started`, if it runs.
    fn heard(&mut self, now: Instant, started: Option<Instant>, answered: bool) -> Verdict {
        // Whoever doesn't run can't hang; starting again is another's affair.
        let (false, Some(started)) = (answered, started) else {
            self.silent_since = None;
            return Verdict::Well;
        };
        let since = (*self.silent_since.get_or_insert(now)).max(started);
        let silent = now.saturating_duration_since(since);
        let lately = self.ended.is_some_and(|ended| now.saturating_duration_since(ended) < APART);
        if silent >= ENDED && !lately {
            self.ended = Some(now);
            self.silent_since = None;
            return Verdict::Hung(silent);
        }
        if silent >= TOLD { Verdict::Silent(silent) } else { Verdict::Well }
    }
}

/// Asks k3s's API for ever whether it lives (`/livez`, Kubernetes "API health endpoints").
pub async fn watch(reconciler: &Reconciler, k3s: &K3s) -> Infallible {
    let Reconciler { board, broker, client, pulse, .. } = reconciler;
    let mut watch = Watch::default();
    loop {
        pulse.rest(PERIOD).await;
        let answered = lives(client).await;
        match watch.heard(Instant::now(), k3s.running_since(), answered) {
            Verdict::Well if answered => {
                k3s.well(board);
                board.solved(Stage::Api);
            }
            Verdict::Well => {}
            Verdict::Silent(silent) => {
                k3s.unwell();
                let message = format!("k3s runs, and its API has not answered for {} s", silent.as_secs());
                board.problem(Stage::Api, &Failure::new(Reason::ApiUnavailable, message));
                board.enter(Phase::Degraded);
            }
            Verdict::Hung(silent) => {
                let message = format!(
                    "k3s ran, and its API has not answered for {} s: it is started again",
                    silent.as_secs()
                );
                let hung = Failure::new(Reason::K3sHung, message);
                board.problem(Stage::Api, &hung);
                k3s.end(broker, hung).await;
            }
        }
    }
}

async fn lives(client: &Client) -> bool {
    let request = match http::Request::get("/livez").body(Vec::new()) {
        Ok(request) => request,
        Err(e) => {
            debug!("/livez is no request target: {e}");
            return false;
        }
    };
    matches!(tokio::time::timeout(PATIENCE, client.request_text(request)).await, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_then_ends_it_once_in_a_while() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::default();
        let mut silent = |seconds| watch.heard(at(seconds), Some(start), false);
        assert_eq!(silent(0), Verdict::Well);
        assert_eq!(silent(29), Verdict::Well);
        assert_eq!(silent(30), Verdict::Silent(Duration::from_secs(30)));
        assert_eq!(silent(300), Verdict::Hung(Duration::from_mins(5)));
        // Started again, and silent again: told, but not ended before the time between two ends is over.
        assert_eq!(silent(310), Verdict::Well);
        assert_eq!(silent(700), Verdict::Silent(Duration::from_secs(390)));
        assert_eq!(silent(2100), Verdict::Hung(Duration::from_secs(1790)));
    }

    #[test]
    fn an_answer_or_an_end_forgives() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::default();
        assert_eq!(watch.heard(at(0), Some(start), false), Verdict::Well);
        assert_eq!(watch.heard(at(290), Some(start), true), Verdict::Well);
        assert_eq!(watch.heard(at(300), Some(start), false), Verdict::Well);
        assert_eq!(watch.heard(at(900), None, false), Verdict::Well);
        // A start in the middle of the silence begins it anew.
        assert_eq!(watch.heard(at(1000), Some(at(1000)), false), Verdict::Well);
        assert_eq!(watch.heard(at(1299), Some(at(1000)), false), Verdict::Silent(Duration::from_secs(299)));
    }
}
