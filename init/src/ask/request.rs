//! Requests that process 1 answers when they are done: `look` and `rotate`.

use super::{AskError, fail, request_stream};
use crate::say;
use crate::socket::Answer;
use openshell_contract::exit;
use std::io::{self, BufRead};
use std::process::ExitCode;
use std::time::Duration;

/// How long process 1 may take: a pass that is under way has its turn first, and the API may be slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sends `request`, one of those that `socket` lists; 0 if it was done, 1 if not.
pub fn request(request: &str) -> ExitCode {
    match ask_for(request) {
        Ok(Answer { done: true, text }) => say(&mut io::stdout(), &format!("{text}\n"), exit::OK),
        Ok(Answer { done: false, text }) => {
            say(&mut io::stderr(), &format!("openshell-init: {text}\n"), exit::FAILED)
        }
        Err(e) => fail(&e),
    }
}

/// Sends `request` and waits for what came of it.
pub(super) fn ask_for(request: &str) -> Result<Answer, AskError> {
    let mut stream = request_stream(request)?;
    stream.get_ref().set_read_timeout(Some(PATIENCE))?;
    let mut answer = String::new();
    stream.read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}
