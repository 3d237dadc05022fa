//! Defects of process 1 itself: a panic anywhere, or a main loop that hangs.
//!
//! Neither leaves a part of it silently dead. Everything is stopped in order, as for a requested stop, and
//! the exit code says why; Docker then starts the container again, from a state that is known.

use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;
use tracing::{error, info};

/// How often the main loop shows that it runs. Tests can't wait for so long.
const TICK: Duration = Duration::from_millis(if cfg!(feature = "fault-injection") { 1_000 } else { 10_000 });
/// A difference between the clocks that is told.
const SLEPT: Duration = Duration::from_mins(1);
/// How many of its own periods the watchdog waits without a sign.
const MISSED: u32 = 6;

/// Tells of a defect. Cheap to clone; the first one counts.
#[derive(Clone)]
pub struct Alarm {
    what: Arc<watch::Sender<Option<String>>>,
}

impl Alarm {
    /// Raised by any panic from now on.
    pub fn on_panic() -> Self {
        let alarm = Self { what: Arc::new(watch::Sender::new(None)) };
        let raised = alarm.clone();
        panic::set_hook(Box::new(move |info| raised.raise(describe(info))));
        alarm
    }

    fn raise(&self, what: String) {
        error!("{what}");
        self.what.send_if_modified(|first| {
            let is_first = first.is_none();
            if is_first {
                *first = Some(what);
            }
            is_first
        });
    }

    /// The defect, if there was one.
    pub fn first(&self) -> Option<String> {
        self.what.borrow().clone()
    }

    /// Waits for a defect and says which it is.
    pub async fn raised(&self) -> String {
        let mut what = self.what.subscribe();
        match what.wait_for(Option::is_some).await.map(|what| what.clone()) {
            Ok(Some(what)) => what,
            // The sender is our own, and it waits for a text.
            _ => std::future::pending().await,
        }
    }
}

/// The place and the message. The backtrace says little in a stripped binary.
fn describe(info: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let message = info.payload_as_str().unwrap_or("no message");
    format!(
        "a defect: the thread {} panicked at {place}: {message}",
        thread.name().unwrap_or("without a name")
    )
}

/// The main loop's sign of life.
#[derive(Clone, Default)]
pub struct Pulse {
    ticks: Arc<AtomicU64>,
}

impl Pulse {
    /// Beats for ever. To be run by the main loop.
    pub async fn beat(&self) -> std::convert::Infallible {
        loop {
            self.ticks.fetch_add(1, Ordering::Relaxed);
            let (wall, steady) = (SystemTime::now(), Instant::now());
            tokio::time::sleep(TICK).await;
            crate::fault::point("loop");
            // Deadlines are kept by the steady clock, which stands still while the machine sleeps.
            let differ = wall.elapsed().unwrap_or_default().saturating_sub(steady.elapsed());
            if differ >= SLEPT {
                info!("the machine slept, or its clock was set forward: {} s", differ.as_secs());
            }
        }
    }

    /// Starts a thread that calls `hung` once if the main loop stops beating.
    pub fn watch(&self, hung: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let ticks = self.ticks.clone();
        let watch = move || {
            let mut silence = Silence::default();
            while !silence.lasts(ticks.load(Ordering::Relaxed)) {
                std::thread::sleep(TICK);
            }
            hung();
        };
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(watch).map(drop)
    }
}

/// What the watchdog has seen. Counted in its own periods: after the machine slept, the main loop gets as
/// many of them as ever.
#[derive(Debug, Default)]
struct Silence {
    last: Option<u64>,
    missed: u32,
}

impl Silence {
    /// Looks at the ticks after another period. Returns whether the main loop hangs.
    fn lasts(&mut self, ticks: u64) -> bool {
        self.missed = if self.last == Some(ticks) { self.missed + 1 } else { 0 };
        self.last = Some(ticks);
        self.missed >= MISSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loop_that_never_beats_is_taken_for_hung() {
        let mut silence = Silence::default();
        for ticks in [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2] {
            assert!(!silence.lasts(ticks));
        }
        let more: Vec<bool> = (0..6).map(|_| silence.lasts(2)).collect();
        assert_eq!(more, [false, false, false, false, false, true]);
    }
}
