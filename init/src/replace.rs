//! Another openshell-init takes the place of this one, in the same process: k3s and all pods go on.
//!
//! It finds the node as this one has prepared it, and k3s by what is [handed over](handover). A helper program that
//! runs is killed, as when the power fails, and its work is done again.

pub mod handover;

use crate::exec;
use crate::k3s::supervise::K3s;
use crate::log::Log;
use openshell_pid1::{Broker, SuccessionError, Successor};
use std::convert::Infallible;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tracing::{info, warn};

/// How long it may take to tell its version, and helpers to be gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the kernel adds to the path of a program whose file was replaced (`proc_pid_exe(5)`).
const DELETED: &str = " (deleted)";

/// Why there is no other process 1.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// There is nothing to hand over.
    #[error("k3s does not run at this moment; `openshell-init status` tells when it does")]
    NoK3s,
    /// Where this program was, there is none.
    #[error("process 1 can't find its own program")]
    NoProgram(#[source] io::Error),
    /// It would not live.
    #[error("{program} is no openshell-init that could take the place of process 1: {why}")]
    Unfit {
        /// The program.
        program: String,
        /// What it did instead of telling its version.
        why: String,
    },
    /// k3s can't be handed over.
    #[error("can't hand k3s over")]
    Handover(#[source] io::Error),
    /// It was tried, and this program is still here.
    #[error(transparent)]
    Succession(#[from] SuccessionError),
}

/// The wish for another process 1; cheap to clone.
#[derive(Clone)]
pub struct Replacement {
    broker: Broker,
    k3s: K3s,
    wanted: Arc<Notify>,
}

impl Replacement {
    /// One that hands `k3s` over.
    pub fn new(broker: Broker, k3s: K3s) -> Self {
        Self { broker, k3s, wanted: Arc::default() }
    }

    /// Whether it could be done now. Returns what the other program calls itself.
    pub async fn check(&self) -> Result<String, ReplaceError> {
        self.k3s.running().ok_or(ReplaceError::NoK3s)?;
        let program = program().map_err(ReplaceError::NoProgram)?;
        let mut version = Command::new(&program);
        version.arg("version");
        let why = match exec::run(&self.broker, version, Vec::new(), PATIENCE).await {
            Ok(told) if told.starts_with("openshell-init ") => return Ok(told),
            Ok(told) => format!("it says {told:?}"),
            Err(e) => e.to_string(),
        };
        Err(ReplaceError::Unfit { program: program.display().to_string(), why })
    }

    /// Asks for it.
    pub fn want(&self) {
        self.wanted.notify_one();
    }

    /// Waits until somebody asks for it.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Does it. What was said until now gets into `log`.
    pub fn take_place(&self, log: &Log) -> Result<Infallible, ReplaceError> {
        let running = self.k3s.running().ok_or(ReplaceError::NoK3s)?;
        if !self.broker.end_others(running.child, Instant::now() + PATIENCE) {
            warn!(children = ?self.broker.children(), "a helper program does not end; it is left behind");
        }
        let inherited = handover::leave(&running, &self.broker).map_err(ReplaceError::Handover)?;
        let program = program().map_err(ReplaceError::NoProgram)?;
        info!("{} takes the place of process 1", program.display());
        log.flush();
        let word = |word: &[u8]| CString::new(word).map_err(|e| ReplaceError::NoProgram(e.into()));
        let program = word(program.as_os_str().as_bytes())?;
        let args = vec![program.clone(), word(b"boot")?, word(handover::ARGUMENT.as_bytes())?];
        Ok(self.broker.become_program(Successor { program, args, inherited })?)
    }
}

/// Where this program was started from, whatever is there now.
fn program() -> io::Result<PathBuf> {
    let link = std::fs::read_link("/proc/self/exe")?;
    let replaced = link.to_str().and_then(|path| path.strip_suffix(DELETED)).map(PathBuf::from);
    Ok(replaced.unwrap_or(link))
}
