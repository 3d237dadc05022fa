//! When k3s is started again after it ended by itself. Pure: the clock is an argument.

use std::time::{Duration, Instant};

/// Failures within this time count together.
const WINDOW: Duration = Duration::from_mins(5);
/// After so many of them nothing more is tried.
const MOST: usize = 5;
/// First delay; it doubles with each failure in the window.
const FIRST: Duration = Duration::from_secs(1);
/// Longest delay.
const LONGEST: Duration = Duration::from_secs(30);

/// What to do after an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start again after this delay.
    After(Duration),
    /// It ended too often: leave it, and say so.
    GiveUp,
}

/// Share of a delay by which it may differ, so that nodes of one host don't fall into step.
const JITTER: f64 = 0.2;

/// Remembers the exits of the last [`WINDOW`].
#[derive(Debug, Default)]
pub struct Policy {
    exits: Vec<Instant>,
}

impl Policy {
    /// Judges an exit at `now`; `chance` is between 0 and 1. A run of [`WINDOW`] forgives what was before.
    pub fn exited(&mut self, now: Instant, chance: f64) -> Verdict {
        self.exits.retain(|exit| now.duration_since(*exit) < WINDOW);
        self.exits.push(now);
        let failures = self.exits.len();
        if failures > MOST {
            return Verdict::GiveUp;
        }
        let doublings = u32::try_from(failures - 1).unwrap_or(u32::MAX);
        let delay = FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST);
        Verdict::After(delay.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_and_the_sixth_failure_in_the_window_ends_it() {
        let (start, mut policy) = (Instant::now(), Policy::default());
        for (i, seconds) in [1, 2, 4, 8, 16].into_iter().enumerate() {
            let now = start + Duration::from_secs(10 * i as u64);
            assert_eq!(policy.exited(now, 0.5), Verdict::After(Duration::from_secs(seconds)));
        }
        assert_eq!(policy.exited(start + Duration::from_mins(1), 0.5), Verdict::GiveUp);
    }

    #[test]
    fn chance_moves_a_delay_by_a_fifth_at_most() {
        let delay = |chance| Policy::default().exited(Instant::now(), chance);
        assert_eq!(delay(0.0), Verdict::After(Duration::from_millis(800)));
        assert_eq!(delay(1.0), Verdict::After(Duration::from_millis(1200)));
    }

    #[test]
    fn a_long_good_run_is_forgiven() {
        let (start, mut policy) = (Instant::now(), Policy::default());
        for hour in 0..24 {
            let now = start + Duration::from_hours(hour);
            assert_eq!(policy.exited(now, 0.5), Verdict::After(FIRST));
        }
    }
}
