//! Log lines and error reports of both binaries.

use std::error::Error;

use tracing::Level;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Where tonic logs `tls accept error`.
const HANDSHAKES: &str = "tonic::transport::server::io_stream";

/// The log filter is malformed.
#[derive(Debug, thiserror::Error)]
#[error("OPENSHELL_LOG_LEVEL {filter:?} is no log filter; use error, warn, info, debug or trace")]
pub struct FilterError {
    filter: String,
    source: ParseError,
}

/// Sends log lines that pass `filter` to standard output, as the real server does.
pub fn start(filter: &str) -> Result<(), FilterError> {
    let parsed: Targets =
        filter.parse().map_err(|source| FilterError { filter: filter.to_owned(), source })?;
    // As the real server does, it tells of whoever connects and can't or won't finish the handshake.
    let parsed = parsed.with_target(HANDSHAKES, Level::DEBUG);
    // Escape codes don't belong in a container's log, whatever features another crate turns on.
    let lines = fmt::layer().with_target(false).with_ansi(false);
    // Fails only if a subscriber is there already; then lines go to that one.
    let _ = tracing_subscriber::registry().with(lines).with(parsed).try_init();
    Ok(())
}

/// `error` and its causes on one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some libraries repeat their cause in their own text.
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
