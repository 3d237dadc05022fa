//! Work that may hang in the kernel, where nothing can interrupt it.

use std::sync::mpsc;
use std::time::Instant;

/// Does `work` on a thread of its own. Returns what came of it, if it was done before `deadline`; otherwise
/// it goes on by itself, since nothing here can hold it up, and ends with the process at the latest.
#[must_use]
pub fn by<T: Send + 'static>(
    deadline: Instant,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, wait) = mpsc::channel();
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nobody waits any longer.
        let _ = done.send(work());
    });
    // Without a thread to give, the system has bigger worries than this.
    started.ok()?;
    wait.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_done_in_time_is_told_and_what_hangs_is_left() {
        let begin = Instant::now();
        assert_eq!(by(begin + Duration::from_secs(30), "quick", || 7), Some(7));
        assert_eq!(by(begin + Duration::from_millis(20), "hanging", std::thread::park), None);
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
}
