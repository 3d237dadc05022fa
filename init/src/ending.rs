//! The stop, whoever begins it: a signal, a panic, or the watchdog.

use crate::k3s::supervise::K3s;
use crate::log::Log;
use crate::volume::Current;
use openshell_contract::exit;
use openshell_pid1::stop::Stop;
use openshell_pid1::{Broker, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing::{error, info, warn};

/// The budget until the settings are known, in seconds: of the ten that Docker gives.
const BUDGET: u64 = 9;
/// How long it may take to remember a hang: the volume may be what the main loop hangs on.
const RECORD: Duration = Duration::from_secs(1);

/// What a stop needs; cheap to clone.
#[derive(Clone)]
pub struct Ending {
    broker: Broker,
    k3s: K3s,
    hurry: Arc<AtomicBool>,
    /// Seconds.
    budget: Arc<AtomicU64>,
    current: Current,
}

impl Ending {
    /// Ends `k3s` and all else of the `current` run; at once when `hurry` is set.
    pub fn new(broker: Broker, k3s: K3s, hurry: Arc<AtomicBool>, current: Current) -> Self {
        Self { broker, k3s, hurry, budget: Arc::new(AtomicU64::new(BUDGET)), current }
    }

    /// Sets how long it may take.
    pub fn set_budget(&self, budget: Duration) {
        self.budget.store(budget.as_secs(), Ordering::Relaxed);
    }

    /// The stop ladder, with a line of the log for each phase.
    pub fn run(&self) {
        let budget = Duration::from_secs(self.budget.load(Ordering::Relaxed));
        info!("stopping within {} s", budget.as_secs());
        let stop = Stop { k3s: self.k3s.child(), budget, hurry: self.hurry.clone() };
        stop.run(&self.broker, |phase| {
            let elapsed_ms = u64::try_from(phase.elapsed.as_millis()).unwrap_or(u64::MAX);
            let left_ms = u64::try_from(phase.left.as_millis()).unwrap_or(u64::MAX);
            if phase.in_time {
                info!(elapsed_ms, left_ms, "stop: {} done: {}", phase.name, phase.detail);
            } else {
                warn!(elapsed_ms, left_ms, "stop: {} ran out of time: {}", phase.name, phase.detail);
            }
        });
    }

    /// The watchdog's: nobody else is left to end the process.
    #[expect(clippy::disallowed_methods, reason = "main hangs, so it can't return")]
    pub fn after_a_hang(&self, log: &Log) {
        let what = "a defect: the main loop hangs";
        error!(children = ?self.broker.children(), "{what}");
        self.run();
        let current = self.current.clone();
        match bounded::by(Instant::now() + RECORD, "record", move || current.end(Some(what))) {
            Some(Ok(())) => {}
            Some(Err(failure)) => warn!("{failure}"),
            None => warn!("the volume does not take the record of this run"),
        }
        log.finish();
        std::process::exit(exit::INTERNAL.into())
    }
}
