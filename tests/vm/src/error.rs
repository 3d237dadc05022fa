//! Why a scenario ended early.

use std::time::Duration;

/// Why a scenario ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something of this side, such as a file or a program that is missing.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The machine does not do what it is told, or is gone.
    #[error("the machine {0}; its console is in {console}", console = crate::machine::CONSOLE)]
    Machine(String),
    /// A command in the machine failed.
    #[error("exit code {code} of: {script}\n{output}")]
    Script {
        /// What was run.
        script: String,
        /// Both of its output streams.
        output: String,
        /// How it ended.
        code: i32,
    },
    /// A condition did not come true.
    #[error("gave up after {} s waiting until {what}; last seen: {last}", after.as_secs())]
    Never {
        /// The condition.
        what: String,
        /// How long it was waited for.
        after: Duration,
        /// What was seen instead.
        last: String,
    },
    /// Something is not as it has to be.
    #[error("{0}")]
    Wrong(String),
}

/// What may end early.
pub type Result<T> = std::result::Result<T, Error>;

/// Names what was attempted.
pub trait Attempt<T> {
    /// Names what was attempted.
    fn attempting<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T>;
}

impl<T> Attempt<T> for std::io::Result<T> {
    fn attempting<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|source| Error::Io { what: what().into(), source })
    }
}

/// An error with what was found, unless `condition` holds.
pub fn ensure(condition: bool, found: impl FnOnce() -> String) -> Result<()> {
    if condition { Ok(()) } else { Err(Error::Wrong(found())) }
}
