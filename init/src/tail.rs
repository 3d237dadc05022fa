//! The last lines of a program's output, to tell why it ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps the last lines that it is given; cheap to clone, and shared by its clones.
#[derive(Clone)]
pub struct Tail {
    lines: Arc<Mutex<VecDeque<String>>>,
    most: usize,
}

impl Tail {
    /// Keeps at most `most` lines.
    pub fn new(most: usize) -> Self {
        Self { lines: Arc::default(), most }
    }

    /// Adds a line, in place of the oldest one when there are enough.
    pub fn push(&self, line: &str) {
        let mut lines = self.lock();
        if lines.len() == self.most {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    /// The lines as one, so that a message that holds them is one line of the log.
    pub fn joined(&self) -> String {
        self.lines().join(" | ")
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
