//! Tests of the real binaries, as processes.
#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not reach the helpers beside them"
)]

mod handshake;
mod server;
mod support;
