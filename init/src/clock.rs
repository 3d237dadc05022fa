//! The wall clock.

use std::time::UNIX_EPOCH;

pub use crate::fault::now;

/// In the unit of the status document: milliseconds since the Unix epoch; 0 for a clock before it.
pub fn now_ms() -> u64 {
    let since = now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
