//! What changed between one status document and the next.

use openshell_contract::status::{Phase, Problem, StageState, Status};

/// Something that people want to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A stage began.
    Began(String),
    /// A stage ended.
    Ended {
        /// Its name.
        name: String,
        /// Whether it did what it should.
        done: bool,
        /// Milliseconds that it took.
        took_ms: Option<u64>,
        /// What it found or did.
        detail: String,
    },
    /// Something is wrong that was not before.
    Problem(Problem),
}

/// Compares each status with the one before.
#[derive(Debug, Default)]
pub struct Tracker {
    last: Option<Status>,
}

impl Tracker {
    /// What is new in `status`. A gateway that is ready at first sight has nothing to tell.
    pub fn update(&mut self, status: &Status) -> Vec<Event> {
        let mut events = Vec::new();
        if self.last.is_some() || status.phase != Phase::Ready {
            let last = self.last.take().unwrap_or_default();
            for stage in &status.stages {
                let before =
                    last.stages.iter().find(|s| s.name == stage.name).map(|s| s.state).unwrap_or_default();
                if before == stage.state {
                    continue;
                }
                match stage.state {
                    StageState::Waiting => {}
                    StageState::Running => events.push(Event::Began(stage.name.clone())),
                    StageState::Done | StageState::Failed => events.push(Event::Ended {
                        name: stage.name.clone(),
                        done: stage.state == StageState::Done,
                        took_ms: stage.took_ms,
                        detail: stage.detail.clone(),
                    }),
                }
            }
            let is_new =
                |p: &&Problem| !last.problems.iter().any(|l| l.reason == p.reason && l.stage == p.stage);
            events.extend(status.problems.iter().filter(is_new).cloned().map(Event::Problem));
        }
        self.last = Some(status.clone());
        events
    }

    /// The last status, if there was one.
    #[must_use]
    pub fn into_status(self) -> Option<Status> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshell_contract::reason::Reason;
    use openshell_contract::status::StageStatus;

    fn status(phase: Phase, stages: &[(&str, StageState)]) -> Status {
        let stage = |(name, state): &(&str, StageState)| StageStatus {
            name: (*name).to_owned(),
            state: *state,
            started_after_ms: None,
            took_ms: Some(5),
            detail: String::new(),
        };
        Status { phase, stages: stages.iter().map(stage).collect(), ..Status::default() }
    }

    fn ended(name: &str) -> Event {
        Event::Ended { name: name.to_owned(), done: true, took_ms: Some(5), detail: String::new() }
    }

    #[test]
    fn each_change_is_told_once() {
        use StageState::{Done, Running, Waiting};
        let mut tracker = Tracker::default();
        let first = status(Phase::Starting, &[("config", Done), ("k3s", Running), ("api", Waiting)]);
        assert_eq!(tracker.update(&first), [ended("config"), Event::Began("k3s".to_owned())]);
        assert_eq!(tracker.update(&first), []);
        let second = status(Phase::Ready, &[("config", Done), ("k3s", Done), ("api", Done)]);
        assert_eq!(tracker.update(&second), [ended("k3s"), ended("api")]);
    }

    #[test]
    fn ready_at_first_sight_tells_nothing() {
        assert_eq!(Tracker::default().update(&status(Phase::Ready, &[("config", StageState::Done)])), []);
    }

    #[test]
    fn a_problem_is_told_once() {
        let mut tracker = Tracker::default();
        let problem = Problem {
            stage: "api".to_owned(),
            reason: Reason::ApiUnavailable,
            message: "refused".to_owned(),
            remedy: "Wait.".to_owned(),
            since_ms: 1,
        };
        let mut held = status(Phase::Degraded, &[]);
        held.problems.push(problem.clone());
        assert_eq!(tracker.update(&held), [Event::Problem(problem)]);
        held.problems[0].message = "refused again".to_owned();
        assert_eq!(tracker.update(&held), []);
    }
}
