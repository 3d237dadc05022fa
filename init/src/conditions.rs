//! How conditions follow from what stages met. Pure.

use openshell_contract::condition::{Condition, Kind, Truth};
use openshell_contract::reason::Reason;
use openshell_contract::status::{Problem, StageState, Status};

use crate::failure::Failure;
use crate::stage::Stage;

/// Conditions that are met when these stages are done.
const BY_STAGES: [(Kind, &[Stage]); 3] =
    [(Kind::Api, &[Stage::Api]), (Kind::Secrets, &[Stage::Ssh, Stage::Pki]), (Kind::Chart, &[Stage::Chart])];
/// Conditions that only the API tells of.
const BY_API: [Kind; 4] = [Kind::Node, Kind::Resources, Kind::Workload, Kind::Gpu];

/// Every condition that has to hold for any gateway, not looked at yet.
pub fn all(now_ms: u64) -> Vec<Condition> {
    let always = Kind::ALL.iter().filter(|kind| **kind != Kind::Gpu);
    always.map(|kind| Condition::unknown(*kind, now_ms)).collect()
}

/// Adds one that is asked of this gateway, in its place among the others.
pub fn add(conditions: &mut Vec<Condition>, kind: Kind, now_ms: u64) {
    if conditions.iter().all(|condition| condition.kind != kind) {
        conditions.push(Condition::unknown(kind, now_ms));
        conditions.sort_by_key(|condition| Kind::ALL.iter().position(|kind| *kind == condition.kind));
    }
}

/// A condition as it was seen; `None` for one that nobody can tell any more.
pub fn seen(kind: Kind, seen: Option<Result<String, &Failure>>, now_ms: u64) -> Condition {
    let mut new = Condition::unknown(kind, now_ms);
    match seen {
        None => {}
        Some(Ok(message)) => (new.status, new.message) = (Truth::True, message),
        Some(Err(failure)) => {
            new.status = Truth::False;
            new.reason = Some(failure.reason);
            new.message.clone_from(&failure.message);
            failure.reason.remedy().clone_into(&mut new.remedy);
        }
    }
    new
}

/// Puts a condition in the place of the old one, whose time it keeps while it stays the same. Returns whether
/// anything changed.
pub fn put(conditions: &mut [Condition], mut new: Condition) -> bool {
    let Some(old) = conditions.iter_mut().find(|c| c.kind == new.kind) else { return false };
    if new.status == old.status {
        new.since_ms = old.since_ms;
    }
    let changed = new != *old;
    *old = new;
    changed
}

/// Brings those that follow from stages and problems up to date.
pub fn follow(status: &mut Status, now_ms: u64) {
    for (kind, stages) in BY_STAGES {
        let is_ours = |p: &&Problem| {
            stages.iter().any(|stage| stage.name() == p.stage)
                || (kind == Kind::Api && p.reason == Reason::ApiUnavailable)
        };
        let problem = status.problems.iter().find(is_ours);
        let failure = problem.map(|p| Failure::new(p.reason, p.message.clone()));
        let done = || stages.iter().all(|stage| status.stages[*stage as usize].state == StageState::Done);
        let told = match &failure {
            Some(failure) => Some(Err(failure)),
            None if done() => Some(Ok(String::new())),
            None => None,
        };
        put(&mut status.conditions, seen(kind, told, now_ms));
    }
    if !holds(status, Kind::Api) {
        for kind in BY_API {
            put(&mut status.conditions, seen(kind, None, now_ms));
        }
    }
}

fn holds(status: &Status, kind: Kind) -> bool {
    status.conditions.iter().any(|c| c.kind == kind && c.status == Truth::True)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshell_contract::status::StageStatus;

    fn status(done: &[Stage], problems: &[(Stage, Reason)]) -> Status {
        let stage = |stage: &Stage| StageStatus {
            name: stage.name().to_owned(),
            state: if done.contains(stage) { StageState::Done } else { StageState::Waiting },
            started_after_ms: None,
            took_ms: None,
            detail: String::new(),
        };
        let problem = |(stage, reason): &(Stage, Reason)| Problem {
            stage: stage.name().to_owned(),
            reason: *reason,
            message: "m".to_owned(),
            remedy: String::new(),
            since_ms: 0,
        };
        Status {
            stages: Stage::ALL.iter().map(stage).collect(),
            problems: problems.iter().map(problem).collect(),
            conditions: all(1),
            ..Status::default()
        }
    }

    fn told(status: &Status, kind: Kind) -> (Truth, Option<Reason>, u64) {
        let condition = status.conditions.iter().find(|c| c.kind == kind).unwrap();
        (condition.status, condition.reason, condition.since_ms)
    }

    #[test]
    fn conditions_follow_stages_and_problems() {
        use Truth::{False, True, Unknown};
        let all = [Stage::Api, Stage::Ssh, Stage::Pki, Stage::Chart];
        for (done, problems, api, secrets) in [
            (&all[..0], &[][..], Unknown, Unknown),
            (&all[..2], &[], True, Unknown),
            (&all, &[], True, True),
            (&all, &[(Stage::Pki, Reason::Pki)], True, False),
            (&all, &[(Stage::Ssh, Reason::ApiUnavailable)], False, False),
            (&all, &[(Stage::Namespace, Reason::ApiUnavailable)], False, True),
            (&all, &[(Stage::Gateway, Reason::GatewayNotReady)], True, True),
        ] {
            let mut status = status(done, problems);
            follow(&mut status, 2);
            assert_eq!(told(&status, Kind::Api).0, api, "{done:?} {problems:?}");
            assert_eq!(told(&status, Kind::Secrets).0, secrets, "{done:?} {problems:?}");
        }
    }

    #[test]
    fn what_the_api_told_is_not_known_without_it() {
        let mut status = status(&[Stage::Api], &[]);
        follow(&mut status, 2);
        for kind in [Kind::Node, Kind::Port] {
            assert!(put(&mut status.conditions, seen(kind, Some(Ok("m".to_owned())), 3)));
        }
        follow(&mut status, 4);
        assert_eq!(told(&status, Kind::Node), (Truth::True, None, 3));
        let out = Problem {
            stage: "namespace".to_owned(),
            reason: Reason::ApiUnavailable,
            message: "m".to_owned(),
            remedy: String::new(),
            since_ms: 0,
        };
        status.problems.push(out);
        follow(&mut status, 5);
        assert_eq!(told(&status, Kind::Node), (Truth::Unknown, None, 5));
        assert_eq!(told(&status, Kind::Port), (Truth::True, None, 3), "it is tried without the API");
    }

    #[test]
    fn what_is_not_asked_of_a_gateway_is_not_told() {
        let mut conditions = all(1);
        let enough = || seen(Kind::Gpu, Some(Ok("1".to_owned())), 2);
        assert!(!put(&mut conditions, enough()), "nobody asked for it");
        add(&mut conditions, Kind::Gpu, 2);
        add(&mut conditions, Kind::Gpu, 3);
        assert!(put(&mut conditions, enough()));
        let kinds: Vec<_> = conditions.iter().map(|condition| condition.kind).collect();
        assert_eq!(kinds, Kind::ALL);
    }

    #[test]
    fn the_time_is_of_the_change() {
        let mut status = status(&[], &[]);
        let failure = Failure::new(Reason::DnsUnavailable, "m");
        for (told_, now, since, changed) in [
            (Ok(String::new()), 2, 2, true),
            (Ok("again".to_owned()), 3, 2, true),
            (Err(&failure), 4, 4, true),
            (Err(&failure), 5, 4, false),
        ] {
            assert_eq!(put(&mut status.conditions, seen(Kind::Dns, Some(told_), now)), changed);
            assert_eq!(told(&status, Kind::Dns).2, since);
        }
        let dns = status.conditions.iter().find(|c| c.kind == Kind::Dns).unwrap();
        assert_eq!(dns.remedy, Reason::DnsUnavailable.remedy());
    }
}
