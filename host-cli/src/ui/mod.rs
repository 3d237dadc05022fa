//! What people and programs see. All of it goes to standard error; standard output is for data.

mod line;
mod steps;

pub use line::{Line, StepState};
pub use steps::Steps;

use crate::error::Error;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Form of what goes to standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people: live steps on a terminal, plain lines elsewhere.
    #[default]
    Text,
    /// For programs: one JSON object on each line.
    Json,
}

/// How a command speaks.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    format: LogFormat,
    /// Only warnings and errors.
    quiet: bool,
    /// Whether the current line may be rewritten.
    live: bool,
    color: bool,
    started: Instant,
}

impl Ui {
    /// For the process's standard error, by its arguments and `NO_COLOR`.
    #[must_use]
    pub fn stderr(format: LogFormat, quiet: bool) -> Self {
        let terminal = io::stderr().is_terminal() && format == LogFormat::Text;
        let color = color_allowed(std::env::var_os("NO_COLOR").as_deref(), terminal);
        Self { format, quiet, live: terminal && !quiet, color, started: Instant::now() }
    }

    /// Time since the command began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Writes a line, unless it isn't wanted.
    pub fn line(&self, line: &Line<'_>) {
        if self.quiet && !line.is_urgent() {
            return;
        }
        match self.format {
            LogFormat::Json => say(&line.json(self.elapsed())),
            LogFormat::Text => {
                if let Some(text) = line.text(self.color) {
                    say(&text);
                }
            }
        }
    }

    /// Writes a line without a mark.
    pub fn note(&self, message: &str) {
        self.line(&Line::Note { message });
    }

    /// Writes what went wrong.
    pub fn error(&self, error: &Error) {
        self.line(&Line::of_error(error));
    }
}

/// Writes a line to standard error. That nobody reads it is no reason to fail.
pub fn say(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Writes a line of data to standard output.
///
/// # Errors
/// The reader is gone.
pub fn data(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Error::Stdio)
}

/// Whether `NO_COLOR` and the terminal allow colors (<https://no-color.org>).
fn color_allowed(no_color: Option<&std::ffi::OsStr>, terminal: bool) -> bool {
    terminal && no_color.is_none_or(std::ffi::OsStr::is_empty)
}

/// Seconds with one decimal.
#[must_use]
pub fn seconds(time: Duration) -> String {
    format!("{:.1}s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn color_only_on_a_terminal_that_wants_it() {
        assert!(color_allowed(None, true));
        assert!(color_allowed(Some(OsStr::new("")), true));
        assert!(!color_allowed(Some(OsStr::new("1")), true));
        assert!(!color_allowed(None, false));
    }
}
