//! What the kernel has not written yet.

use std::sync::mpsc;
use std::time::Instant;

/// Writes it out (`sync(2)`). Returns whether that was done before `deadline`; a slow disk goes on by
/// itself, since nothing here can hold it up.
pub fn within(deadline: Instant) -> bool {
    let (done, wait) = mpsc::channel();
    let synced = std::thread::Builder::new().name("sync".to_owned()).spawn(move || {
        nix::unistd::sync();
        // Nobody waits any longer.
        let _ = done.send(());
    });
    synced.is_ok() && wait.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok()
}
