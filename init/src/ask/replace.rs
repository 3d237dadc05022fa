//! `replace`: another process 1, which is waited for.

use super::request::ask_for;
use super::{AskError, ask, fail};
use crate::say;
use crate::socket::Answer;
use openshell_contract::exit;
use openshell_contract::status::Status;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long the other one may take to answer: it opens the volume and binds its socket before.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is asked meanwhile.
const POLL: Duration = Duration::from_millis(20);

/// 0 if another program is process 1, 1 if not.
pub fn replace() -> ExitCode {
    let replaced = started().and_then(|before| match ask_for("replace")? {
        Answer { done: true, text } => wait_for_other_than(before).map(|()| Ok(text)),
        Answer { done: false, text } => Ok(Err(text)),
    });
    match replaced {
        Ok(Ok(version)) => say(&mut io::stdout(), &format!("process 1 is {version}\n"), exit::OK),
        Ok(Err(refused)) => say(&mut io::stderr(), &format!("openshell-init: {refused}\n"), exit::FAILED),
        Err(e) => fail(&e),
    }
}

/// When process 1 started, which no two of them in one process have in common.
fn started() -> Result<u64, AskError> {
    Ok(serde_json::from_str::<Status>(&ask("status")?)?.started_ms)
}

fn wait_for_other_than(before: u64) -> Result<(), AskError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match started() {
            Ok(now) if now != before => return Ok(()),
            Err(e) if Instant::now() >= deadline => return Err(e),
            Ok(_) if Instant::now() >= deadline => return Err(AskError::Io(io::ErrorKind::TimedOut.into())),
            // Nobody answers while the one is gone and the other is not there yet.
            Ok(_) | Err(_) => std::thread::sleep(POLL),
        }
    }
}
