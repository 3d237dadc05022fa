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
const TRIES_PER_LOOK: u32 = 10;

/// Waits until the gateway serves.
pub async fn wait(board: &Board, client: &Client, pki: Option<&Outcome>) -> Result<(), Failure> {
    let probe = Probe::new(pki)?;
    let mut tries = 0_u32;
    let mut current = false;
    loop {
        if tries.is_multiple_of(TRIES_PER_LOOK) {
            let rollout = rollout::look(client).await?;
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
pub async fn check(client: &Client, pki: Option<&Outcome>) -> Result<(), Failure> {
    let rollout = rollout::look(client).await?;
    if !rollout.current {
        return Err(Failure::new(Reason::GatewayNotReady, rollout.detail));
    }
    Probe::new(pki)?.answers().await
}
