//! Whether the gateway serves: its pod runs what the chart says, and its port answers with our
//! certificate.

mod probe;
mod rollout;

use crate::board::Board;
use crate::failure::Failure;
use crate::pki::Outcome;
use crate::stage::Stage;
use kube::Client;
use openshell_contract::reason::Reason;
use probe::Probe;
use std::time::Duration;

/// How often the port is tried while it does not answer. A try is one connection on the loopback.
const POLL: Duration = Duration::from_millis(50);
/// The API is asked once in so many tries.
const TRIES_PER_LOOK: u32 = 5;

/// Waits until the gateway serves.
pub async fn wait(board: &Board, client: &Client, pki: Option<&Outcome>) -> Result<(), Failure> {
    let probe = Probe::new(pki)?;
    let mut tries = 0_u32;
    let mut current = false;
    loop {
        if tries.is_multiple_of(TRIES_PER_LOOK) {
            let rollout = rollout::look(client, since(board)).await?;
            current = rollout.current;
            board.detail(Stage::Gateway, rollout.detail);
        }
        if current && probe.answers().await.is_ok() {
            board.detail(Stage::Gateway, "serving");
            return Ok(());
        }
        tries += 1;
        tokio::time::sleep(POLL).await;
    }
}

/// Looks once, for the steady loop.
pub async fn check(board: &Board, client: &Client, pki: Option<&Outcome>) -> Result<(), Failure> {
    let rollout = rollout::look(client, since(board)).await?;
    if !rollout.current {
        return Err(Failure::new(Reason::GatewayNotReady, rollout.detail));
    }
    Probe::new(pki)?.answers().await
}

/// When process 1 started, in seconds since the Unix epoch.
fn since(board: &Board) -> i64 {
    i64::try_from(board.status().started_ms / 1000).unwrap_or(i64::MAX)
}
