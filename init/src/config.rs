//! `config`: each setting, what it is, and where that came from.
//!
//! The environment is the container's own, which `docker exec` hands down, so that this is what process 1 was
//! given, and what the next container on the volume would be given without it.

use crate::{say, settings};
use openshell_contract::exit;
use openshell_contract::settings::Overview;
use std::fmt::Write;
use std::io;
use std::process::ExitCode;

/// How it is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// As JSON, on one line.
    Json,
}

/// Prints it. 0 if every value is of its allowed form, 1 if not.
pub fn show(form: Form) -> ExitCode {
    let overview = match settings::overview(&settings::environment()) {
        Ok(overview) => overview,
        Err(failure) => return complain(&failure.to_string()),
    };
    let text = match form {
        Form::Text => render(&overview),
        Form::Json => match serde_json::to_string(&overview) {
            Ok(json) => json + "\n",
            Err(e) => return complain(&format!("the settings can't be serialized: {e}")),
        },
    };
    say(&mut io::stdout(), &text, if overview.is_allowed() { exit::OK } else { exit::FAILED })
}

fn complain(what: &str) -> ExitCode {
    say(&mut io::stderr(), &format!("openshell-init: {what}\n"), exit::FAILED)
}

/// A line for each setting that has a value, then defects and unknown names, then those without a value.
fn render(overview: &Overview) -> String {
    let mut lines = Vec::new();
    let mut unset = Vec::new();
    for told in &overview.settings {
        match (&told.value, told.source) {
            // Escaped, so that no value makes two lines or commands a terminal.
            (Some(value), Some(source)) => {
                lines.push(format!("{}={}  ({source})", told.name, value.escape_debug()));
            }
            _ => unset.push(told.name),
        }
    }
    lines.extend(
        overview.settings.iter().filter_map(|told| Some(format!("not allowed: {}", told.defect.as_ref()?))),
    );
    lines.extend(
        overview.unknown.iter().map(|(name, source)| format!("unknown: {} in {source}", name.escape_debug())),
    );
    lines.push(format!("not set: {}", unset.join(" ")));
    lines.iter().fold(String::new(), |mut text, line| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{line}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshell_contract::settings::{Layer, Source};

    #[test]
    fn a_line_for_each_that_is_set_and_one_for_the_rest() {
        let pairs = [
            ("IMAGE_TAG", "1.2"),
            ("DB_URL", "sqlite:hunter2"),
            ("REGISTRY_HOST", "a b\u{1b}"),
            ("OPENSHELL_TYPO", "hunter2"),
        ];
        let env: Layer = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let text = render(&Overview::of(&[(Source::Environment, &env)]));
        for line in [
            "IMAGE_TAG=1.2  (the environment)",
            "DB_URL=(hidden)  (the environment)",
            "DISABLE_TLS=false  (this release)",
            "unknown: OPENSHELL_TYPO in the environment",
        ] {
            assert!(text.lines().any(|l| l == line), "no {line:?} in:\n{text}");
        }
        assert!(text.contains("\nnot allowed: REGISTRY_HOST in the environment"), "{text}");
        assert!(
            text.lines().last().unwrap().starts_with("not set: ") && text.contains(" UPSTREAM_DNS"),
            "{text}"
        );
        assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "{text}");
    }
}
