//! One line to standard error, for people or as JSON.

use super::seconds;
use crate::error::Error;
use serde::Serialize;
use std::time::Duration;

/// Something to tell. Programs read it as a JSON object whose `event` names the kind; fields are added
/// in later releases, and never change their meaning.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Line<'a> {
    /// A step of the command or a stage of the gateway's start.
    Step {
        /// Its name.
        name: &'a str,
        /// How far it is.
        state: StepState,
        /// Milliseconds that it took.
        #[serde(skip_serializing_if = "Option::is_none")]
        took_ms: Option<u64>,
        /// What it found or did.
        #[serde(skip_serializing_if = "str::is_empty")]
        detail: &'a str,
    },
    /// Something to know.
    Note {
        /// What.
        message: &'a str,
    },
    /// Something that wants attention.
    Warning {
        /// What.
        message: &'a str,
    },
    /// The command did what it should.
    Done {
        /// What.
        message: &'a str,
    },
    /// The command failed.
    Error {
        /// The stable id.
        id: &'static str,
        /// The exit code.
        exit_code: u8,
        /// What failed.
        message: String,
        /// Why, one text each.
        causes: Vec<String>,
        /// The last lines of the gateway's log.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        log: Vec<String>,
        /// What to do next, one text each.
        hints: Vec<String>,
        /// The block for people.
        #[serde(skip)]
        block: String,
    },
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// It began.
    Began,
    /// It did what it should.
    Done,
    /// It did not.
    Failed,
}

impl Line<'_> {
    /// What went wrong.
    #[must_use]
    pub fn of_error(error: &Error) -> Self {
        Self::Error {
            id: error.id(),
            exit_code: error.exit_code(),
            message: error.to_string(),
            causes: error.causes(),
            log: error.log().to_vec(),
            hints: error.hints(),
            block: error.render(),
        }
    }

    /// Whether it is told even when asked to be quiet.
    pub(super) const fn is_urgent(&self) -> bool {
        matches!(self, Self::Warning { .. } | Self::Error { .. })
    }

    /// For programs.
    pub(super) fn json(&self, elapsed: Duration) -> String {
        #[derive(Serialize)]
        struct Timed<'a> {
            #[serde(flatten)]
            line: &'a Line<'a>,
            elapsed_ms: u64,
        }
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        // Plain data: it can always be written as JSON.
        serde_json::to_string(&Timed { line: self, elapsed_ms }).unwrap_or_default()
    }

    /// For people; what is only interesting while it lasts is no line.
    pub(super) fn text(&self, color: bool) -> Option<String> {
        let painted = |code: &str, text: &str| {
            if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
        };
        Some(match self {
            Self::Step { state: StepState::Began, .. } => return None,
            Self::Step { name, state, took_ms, detail } => {
                let mark =
                    if *state == StepState::Done { painted("32", "✓") } else { painted("31", "✗") };
                let took = took_ms.map(|ms| format!(" ({})", seconds(Duration::from_millis(ms))));
                let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
                format!("{mark} {name}{}{detail}", took.unwrap_or_default())
            }
            Self::Note { message } => (*message).to_owned(),
            Self::Warning { message } => painted("33", &format!("! {message}")),
            Self::Done { message } => format!("{} {message}", painted("32", "✓")),
            Self::Error { block, .. } => block.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Line<'static>> {
        let step = |state, took_ms, detail| Line::Step { name: "k3s", state, took_ms, detail };
        vec![
            step(StepState::Began, None, ""),
            step(StepState::Done, Some(1234), "pid 80"),
            step(StepState::Failed, Some(5), "ended"),
            Line::Note { message: "Resuming gateway box from its volume" },
            Line::Warning { message: "the clock is wrong" },
            Line::Done { message: "Gateway ready" },
            Line::of_error(&Error::NoGateway("box".parse().unwrap())),
        ]
    }

    #[test]
    fn lines_for_people() {
        let text = |color| lines().iter().filter_map(|l| l.text(color)).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(text(false));
        assert_eq!(
            text(true).replace("\x1b[0m", "").replace("\x1b[32m", "").replace("\x1b[31m", ""),
            text(false).replace('!', "\x1b[33m!")
        );
    }

    #[test]
    fn lines_for_programs() {
        let json: Vec<_> = lines().iter().map(|l| l.json(Duration::from_millis(7))).collect();
        insta::assert_snapshot!(json.join("\n"));
    }
}
