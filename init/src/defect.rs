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

/// How often the main loop is called. Tests can't wait for so long.
const TICK: Duration = Duration::from_secs(if cfg!(feature = "fault-injection") { 1 } else { 15 });
/// A difference between the clocks that is told.
const SLEPT: Duration = Duration::from_mins(1);
/// How many calls it may leave unanswered: a minute.
const MISSED: u32 = if cfg!(feature = "fault-injection") { 6 } else { 4 };

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

/// What the process's time is told by: the watchdog calls the main loop, which answers.
///
/// There is one clock in an idle process, so that all that is done now and then is done at once, in one wake-up. A
/// timer of the runtime for each would take up to three: it is sorted anew as its time comes near (tokio's
/// hierarchical timer wheel).
#[derive(Clone, Default)]
pub struct Pulse {
    calls: Arc<watch::Sender<u64>>,
    answered: Arc<AtomicU64>,
}

impl Pulse {
    /// Answers for ever. To be run by the main loop.
    pub async fn beat(&self) -> std::convert::Infallible {
        let mut calls = self.calls.subscribe();
        loop {
            let (wall, steady) = (SystemTime::now(), Instant::now());
            // The sender is our own.
            let _ = calls.changed().await;
            crate::fault::point("loop");
            self.answered.store(*calls.borrow_and_update(), Ordering::Relaxed);
            // Deadlines are kept by the steady clock, which stands still while the machine sleeps.
            let differ = wall.elapsed().unwrap_or_default().saturating_sub(steady.elapsed());
            if differ >= SLEPT {
                info!("the machine slept, or its clock was set forward: {} s", differ.as_secs());
            }
        }
    }

    /// Waits for about so long: until the call that is nearest to it.
    pub async fn rest(&self, time: Duration) {
        let (mut calls, begin) = (self.calls.subscribe(), Instant::now());
        // The sender is our own.
        while calls.changed().await.is_ok() && !is_over(begin.elapsed(), time) {}
    }

    /// Starts a thread that calls, and that calls `hung` once if the main loop answers no more.
    pub fn watch(&self, hung: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let Self { calls, answered } = self.clone();
        let watch = move || {
            let mut silence = Silence::default();
            while !silence.lasts(answered.load(Ordering::Relaxed)) {
                calls.send_modify(|call| *call += 1);
                std::thread::sleep(TICK);
            }
            hung();
        };
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(watch).map(drop)
    }
}

/// Whether no later call is nearer to the end of `time`.
fn is_over(rested: Duration, time: Duration) -> bool {
    rested + TICK / 2 >= time
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
    fn a_rest_ends_with_the_call_that_is_nearest() {
        let rested = |ticks: u32, percent: u32| is_over(TICK * percent / 100, TICK * ticks);
        assert_eq!([0, 49, 51, 100].map(|percent| rested(1, percent)), [false, false, true, true]);
        assert_eq!([100, 149, 151, 200].map(|percent| rested(2, percent)), [false, false, true, true]);
    }

    #[test]
    fn only_a_loop_that_never_beats_is_taken_for_hung() {
        use std::iter::repeat_n;
        let (mut silence, times) = (Silence::default(), MISSED as usize);
        for answered in repeat_n(0, times).chain(repeat_n(1, times)).chain([2]) {
            assert!(!silence.lasts(answered));
        }
        let more: Vec<bool> = (0..times).map(|_| silence.lasts(2)).collect();
        let told: Vec<bool> = repeat_n(false, times - 1).chain([true]).collect();
        assert_eq!(more, told);
    }
}
