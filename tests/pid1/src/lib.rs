//! Starts a program as a real process 1, in a PID and a mount namespace of its own, and looks at it from
//! outside: what it prints, which processes live in its namespace, how it ends.
//!
//! Needs root and `unshare` (util-linux), no container. Two programs come with it:
//! - `process-one`: the smallest user of `openshell-pid1`
//! - `ping-pong`: a child that does what a test tells it
//!
//! `openshell-init` has to be built before: `cargo build --package openshell-init --features fault-injection`.

mod fifo;
mod namespace;
mod node;
mod process;

pub use fifo::Fifo;
pub use namespace::{Builder, Ended, Namespace};
pub use node::Node;
pub use process::Process;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longest time that a condition may take. Far above the real figure: it separates slow from never.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The path of a program of this workspace, beside the test that runs.
///
/// # Panics
/// It was not built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let path = test.ancestors().nth(2).expect("a test lies in target/PROFILE/deps").join(name);
    assert!(path.exists(), "{} is missing: cargo build --package openshell-init", path.display());
    path
}

/// Waits until `look` finds something.
///
/// # Panics
/// It found nothing within [`PATIENCE`].
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "gave up waiting for: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
