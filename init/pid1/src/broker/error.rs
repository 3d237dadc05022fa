use super::core::{Refusal, is_exhaustion};
use std::io;

/// Why a child was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The broker was closed: a stop has begun.
    #[error("{program} was not started: a stop has begun")]
    Stopping {
        /// What should have been started.
        program: String,
    },
    /// There is no such program.
    #[error("can't start {program}: there is no such file")]
    NotFound {
        /// What should have been started.
        program: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file is there, and is no program that may be run.
    #[error("can't start {program}: it can't be executed")]
    NotExecutable {
        /// What should have been started.
        program: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The system has no process, descriptor or memory to give, and had none for a second.
    #[error(
        "can't start {program}: no process, descriptor or memory is free (see ulimit -u, -n and pids.max)"
    )]
    Exhausted {
        /// What should have been started.
        program: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The system refused for another reason.
    #[error("can't start {program}")]
    Os {
        /// What should have been started.
        program: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl SpawnError {
    pub(super) fn new(program: String, refusal: Refusal) -> Self {
        match refusal {
            Refusal::Closed => Self::Stopping { program },
            Refusal::Os(source) if is_exhaustion(&source) => Self::Exhausted { program, source },
            Refusal::Os(source) => match source.kind() {
                io::ErrorKind::NotFound => Self::NotFound { program, source },
                // ENOEXEC has no kind of its own.
                io::ErrorKind::PermissionDenied => Self::NotExecutable { program, source },
                _ if source.raw_os_error() == Some(nix::libc::ENOEXEC) => {
                    Self::NotExecutable { program, source }
                }
                _ => Self::Os { program, source },
            },
        }
    }

    /// The code that a shell ends with: 127 when the program isn't found, 126 when it can't be executed
    /// (POSIX, Shell Command Language, 2.8.2), and 125 when it was not even tried, as `env(1)` does.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
            Self::Stopping { .. } | Self::Exhausted { .. } | Self::Os { .. } => 125,
        }
    }
}
