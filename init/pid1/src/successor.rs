//! Process 1 becomes another program and stays process 1 (`execve(2)`): its children go on, and are that one's.

use crate::Broker;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, execv};
use std::convert::Infallible;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Sender, channel};

/// The program that takes the place of this one.
#[derive(Debug)]
pub struct Successor {
    /// Its file.
    pub program: CString,
    /// Its arguments, from its own name on.
    pub args: Vec<CString>,
    /// Descriptors that it gets, by their numbers here.
    pub inherited: Vec<OwnedFd>,
}

/// Why another program did not take this one's place.
#[derive(Debug, thiserror::Error)]
pub enum SuccessionError {
    /// A stop was asked for, and goes first.
    #[error("a stop was asked for")]
    Stopping,
    /// The system refused.
    #[error("can't become {program}")]
    Os {
        /// The program.
        program: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// A [`Successor`], and who waits to hear why it did not take over.
pub struct Waiting {
    successor: Successor,
    failed: Sender<SuccessionError>,
}

impl Waiting {
    /// Returns only if it can't.
    pub fn take_place(&self) -> SuccessionError {
        let Successor { program, args, inherited } = &self.successor;
        for descriptor in inherited {
            if let Err(e) = fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::empty())) {
                return self.refused(e.into());
            }
        }
        match execv(program, args) {
            Ok(never) => match never {},
            Err(e) => self.refused(e.into()),
        }
    }

    /// What `source` means here.
    pub fn refused(&self, source: io::Error) -> SuccessionError {
        refused(&self.successor.program, source)
    }

    /// Tells who waits that `error` kept it from taking over.
    pub fn failed(self, error: SuccessionError) {
        // It waits for nothing else.
        let _ = self.failed.send(error);
    }
}

impl Broker {
    /// Becomes another program: this one is gone at that moment, with all its threads. No signal is lost in between.
    ///
    /// Children go on. Those that the next program doesn't [adopt](Broker::adopt) are orphans to it.
    ///
    /// # Errors
    /// It always returns one, or not at all.
    pub fn become_program(&self, successor: Successor) -> Result<Infallible, SuccessionError> {
        let (failed, why) = channel();
        let program = successor.program.clone();
        self.succeed(Waiting { successor, failed });
        // The reaper alone can hold signals back, and it waits for one.
        kill(Pid::this(), Signal::SIGCHLD).map_err(|e| refused(&program, e.into()))?;
        Err(why.recv().unwrap_or_else(|e| refused(&program, io::Error::other(e))))
    }
}

fn refused(program: &CString, source: io::Error) -> SuccessionError {
    SuccessionError::Os { program: program.to_string_lossy().into_owned(), source }
}
