//! What people see. All of it goes to standard error; standard output is for data.

use crate::error::Error;
use crate::follow::Event;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

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

/// The steps of a start: on a terminal the current one is rewritten in place with the time it takes,
/// elsewhere each is one plain line when it ends.
#[derive(Debug)]
pub struct Steps {
    live: bool,
    color: bool,
    started: Instant,
    /// What is under way, and since when.
    current: Vec<(String, Instant)>,
    drawn: bool,
}

impl Steps {
    /// For the process's standard error.
    #[must_use]
    pub fn stderr() -> Self {
        let live = io::stderr().is_terminal();
        let color = color_allowed(std::env::var_os("NO_COLOR").as_deref(), live);
        Self { live, color, started: Instant::now(), current: Vec::new(), drawn: false }
    }

    /// Time since the first step.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// A step begins.
    pub fn begin(&mut self, name: &str) {
        self.current.push((name.to_owned(), Instant::now()));
        self.tick();
    }

    /// A step ended well.
    pub fn end(&mut self, name: &str) {
        let since = self.forget(name);
        self.line(true, name, since.map(|s| s.elapsed()), "");
    }

    /// Something happened on the gateway's way to ready.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Began(name) => self.begin(name),
            Event::Ended { name, done, took_ms, detail } => {
                self.forget(name);
                self.line(*done, name, took_ms.map(Duration::from_millis), detail);
            }
            Event::Problem(problem) => {
                self.warn(&format!("{}: {} [{}]", problem.stage, problem.message, problem.reason.code()));
            }
        }
    }

    /// Shows the time that passes; does nothing unless on a terminal.
    pub fn tick(&mut self) {
        if !self.live || self.current.is_empty() {
            return;
        }
        let names: Vec<_> = self.current.iter().map(|(name, _)| name.as_str()).collect();
        let oldest = self.current.iter().map(|(_, since)| since.elapsed()).max().unwrap_or_default();
        let line = format!("… {} ({})", names.join(", "), seconds(oldest));
        // Longer than a terminal is wide it would not be erased.
        let line: String = line.chars().take(78).collect();
        let mut err = io::stderr().lock();
        drop(write!(err, "\r\x1b[2K{line}").and_then(|()| err.flush()));
        self.drawn = true;
    }

    /// Erases the line of the current step, so that something else can be written.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let mut err = io::stderr().lock();
            drop(write!(err, "\r\x1b[2K").and_then(|()| err.flush()));
        }
    }

    /// Forgets what is under way: it failed, or nobody waits for it any more.
    pub fn abandon(&mut self) {
        self.clear();
        self.current.clear();
    }

    /// Writes a line with the mark of success.
    pub fn success(&mut self, text: &str) {
        self.clear();
        say(&format!("{} {text}", self.painted("32", "✓")));
    }

    /// Writes a line that wants attention.
    pub fn warn(&mut self, text: &str) {
        self.clear();
        say(&self.painted("33", &format!("! {text}")));
    }

    fn line(&mut self, done: bool, name: &str, took: Option<Duration>, detail: &str) {
        self.clear();
        let mark = if done { self.painted("32", "✓") } else { self.painted("31", "✗") };
        let took = took.map(|t| format!(" ({})", seconds(t))).unwrap_or_default();
        let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        say(&format!("{mark} {name}{took}{detail}"));
        self.tick();
    }

    fn forget(&mut self, name: &str) -> Option<Instant> {
        let position = self.current.iter().position(|(n, _)| n == name)?;
        Some(self.current.remove(position).1)
    }

    fn painted(&self, color: &str, text: &str) -> String {
        if self.color { format!("\x1b[{color}m{text}\x1b[0m") } else { text.to_owned() }
    }
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
