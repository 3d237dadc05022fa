//! The status document for people.

use openshell_contract::condition::Truth;
use openshell_contract::status::{StageState, Status};
use std::fmt::Write;

/// Renders `status` as text, ending with a newline.
pub fn render(status: &Status) -> String {
    let mut out = format!("{}\n", status.summary());
    for problem in &status.problems {
        push(&mut out, &format!("  problem: {} [{}]", problem.message, problem.reason.code()));
        push(&mut out, &format!("  remedy:  {}", problem.remedy));
    }
    for condition in status.conditions.iter().filter(|condition| condition.status != Truth::True) {
        push(&mut out, &format!("  not met: {}", condition.summary()));
    }
    if let Some(end) = &status.k3s.last_end {
        push(&mut out, &format!("  lately:  {} [{}]", end.message, end.reason.code()));
    }
    for warning in &status.warnings {
        push(&mut out, &format!("  warning: {warning}"));
    }
    for stage in &status.stages {
        let mark = match stage.state {
            StageState::Waiting => ' ',
            StageState::Running => '>',
            StageState::Done => '+',
            StageState::Failed => '!',
        };
        let took = stage.took_ms.map(|ms| format!("{ms} ms")).unwrap_or_default();
        push(&mut out, &format!("  {mark} {:<11} {took:>9}  {}", stage.name, stage.detail));
    }
    out
}

fn push(out: &mut String, line: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "{}", line.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near_text;
    use openshell_contract::status::{Phase, StageStatus};
    use proptest::prelude::*;

    #[test]
    fn renders_a_line_for_each_stage() {
        let status = Status {
            phase: Phase::Ready,
            stages: vec![StageStatus {
                name: "api".to_owned(),
                state: StageState::Done,
                started_after_ms: Some(1),
                took_ms: Some(1200),
                detail: "ready".to_owned(),
            }],
            ..Status::default()
        };
        assert_eq!(render(&status), "ready\n  + api           1200 ms  ready\n");
    }

    proptest! {
        #[test]
        fn whatever_a_gateway_answers_is_shown_or_refused(
            document in near_text(&[
                r#"{"v":1,"phase":"degraded","stages":[{"name":"api","state":"done","took_ms":1}],"problems":[{"stage":"k3s","reason":"K3sExited","message":"m","remedy":"r","since_ms":1}],"k3s":{"restarts":2,"last_end":{"at_ms":3,"reason":"DiskFull","message":"m"}}}"#,
            ]),
        ) {
            if let Ok(status) = serde_json::from_str::<Status>(&document) {
                prop_assert!(render(&status).ends_with('\n'));
                let again = serde_json::from_str::<Status>(&serde_json::to_string(&status).unwrap());
                prop_assert_eq!(again.unwrap(), status);
            }
        }
    }
}
