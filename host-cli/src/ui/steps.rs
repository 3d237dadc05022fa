//! The steps of a command: on a terminal the current ones are rewritten in place with the time they
//! take, elsewhere each is one plain line when it ends.

use super::{Line, StepState, Ui, seconds};
use crate::follow::Event;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// The steps of a command.
#[derive(Debug)]
pub struct Steps {
    ui: Ui,
    /// What is under way, and since when.
    current: Vec<(String, Instant)>,
    drawn: bool,
}

impl Steps {
    /// None yet.
    #[must_use]
    pub const fn new(ui: Ui) -> Self {
        Self { ui, current: Vec::new(), drawn: false }
    }

    /// A step begins.
    pub fn begin(&mut self, name: &str) {
        self.current.push((name.to_owned(), Instant::now()));
        self.line(&Line::Step { name, state: StepState::Began, took_ms: None, detail: "" });
    }

    /// A step ended well.
    pub fn end(&mut self, name: &str) {
        let took = self.forget(name).map(|since| since.elapsed());
        self.ended(name, true, took, "");
    }

    /// Something happened on the gateway's way to ready.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Began(name) => self.begin(name),
            Event::Ended { name, done, took_ms, detail } => {
                self.forget(name);
                self.ended(name, *done, took_ms.map(Duration::from_millis), detail);
            }
            Event::Problem(problem) => {
                self.warn(&format!("{}: {} [{}]", problem.stage, problem.message, problem.reason.code()));
            }
        }
    }

    /// Shows the time that passes; does nothing unless on a terminal.
    pub fn tick(&mut self) {
        if !self.ui.live || self.current.is_empty() {
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

    /// Forgets what is under way: it failed, or nobody waits for it any more.
    pub fn abandon(&mut self) {
        self.clear();
        self.current.clear();
    }

    /// The command did what it should.
    pub fn success(&mut self, message: &str) {
        self.line(&Line::Done { message });
    }

    /// Writes a line that wants attention.
    pub fn warn(&mut self, message: &str) {
        self.line(&Line::Warning { message });
    }

    /// Writes a line without a mark.
    pub fn note(&mut self, message: &str) {
        self.line(&Line::Note { message });
    }

    fn ended(&mut self, name: &str, done: bool, took: Option<Duration>, detail: &str) {
        let state = if done { StepState::Done } else { StepState::Failed };
        let took_ms = took.map(|t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX));
        self.line(&Line::Step { name, state, took_ms, detail });
    }

    /// Writes a line above what is under way.
    fn line(&mut self, line: &Line<'_>) {
        self.clear();
        self.ui.line(line);
        self.tick();
    }

    /// Erases the line of the current steps, so that something else can be written.
    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let mut err = io::stderr().lock();
            drop(write!(err, "\r\x1b[2K").and_then(|()| err.flush()));
        }
    }

    fn forget(&mut self, name: &str) -> Option<Instant> {
        let position = self.current.iter().position(|(n, _)| n == name)?;
        Some(self.current.remove(position).1)
    }
}
