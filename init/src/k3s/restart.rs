//! When k3s is started again after it ended by itself. Pure: the clock is an argument.

use std::time::{Duration, Instant};

/// After so many ends nothing more is tried.
const MOST: u32 = 5;
/// First delay; it doubles with each end.
const FIRST: Duration = Duration::from_secs(1);
/// Longest delay.
const LONGEST: Duration = Duration::from_secs(30);
/// Health of this length forgives all ends before it. Time alone forgives nothing: a k3s that lives for
/// minutes and never gets well is a crash loop too.
const FORGIVEN: Duration = Duration::from_mins(5);
/// Share of a delay by which it may differ, so that nodes of one host don't fall into step.
const JITTER: f64 = 0.2;

/// What to do after an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start again after this delay.
    After(Duration),
    /// It ended too often: leave it, and say so.
    GiveUp,
}

/// Remembers the ends that are not forgiven.
#[derive(Debug, Default)]
pub struct Policy {
    ends: u32,
    well_since: Option<Instant>,
}

impl Policy {
    /// Judges an end; `chance` is between 0 and 1.
    pub fn ended(&mut self, chance: f64) -> Verdict {
        self.well_since = None;
        self.ends = self.ends.saturating_add(1);
        if self.ends > MOST { Verdict::GiveUp } else { Verdict::After(delay(self.ends, chance)) }
    }

    /// It is well at `now`. Returns whether it has been for so long that earlier ends are forgiven.
    pub fn well(&mut self, now: Instant) -> bool {
        let since = *self.well_since.get_or_insert(now);
        let is_forgiven = now.saturating_duration_since(since) >= FORGIVEN;
        if is_forgiven {
            self.ends = 0;
        }
        is_forgiven
    }

    /// It is not well.
    pub const fn unwell(&mut self) {
        self.well_since = None;
    }
}

/// How long to wait before the `nth` attempt from 1 on; `chance` is between 0 and 1.
pub fn delay(nth: u32, chance: f64) -> Duration {
    let longer = FIRST.saturating_mul(2_u32.saturating_pow(nth.saturating_sub(1))).min(LONGEST);
    longer.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(policy: &mut Policy) -> Verdict {
        policy.ended(0.5)
    }

    #[test]
    fn delays_double_and_the_sixth_end_is_the_last() {
        let mut policy = Policy::default();
        for seconds in [1, 2, 4, 8, 16] {
            assert_eq!(ended(&mut policy), Verdict::After(Duration::from_secs(seconds)));
        }
        assert_eq!(ended(&mut policy), Verdict::GiveUp);
    }

    #[test]
    fn chance_moves_a_delay_by_a_fifth_at_most_and_none_is_longer_than_half_a_minute() {
        assert_eq!(delay(1, 0.0), Duration::from_millis(800));
        assert_eq!(delay(1, 1.0), Duration::from_millis(1200));
        for nth in [6, 7, 100, u32::MAX] {
            assert_eq!(delay(nth, 0.5), LONGEST);
        }
    }

    #[test]
    fn only_health_without_a_gap_forgives() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut policy = Policy::default();
        ended(&mut policy);
        assert!(!policy.well(at(10)));
        assert!(!policy.well(at(309)));
        policy.unwell();
        assert!(!policy.well(at(320)));
        // An end begins it anew, however long it has lived.
        assert_eq!(ended(&mut policy), Verdict::After(2 * FIRST));
        assert!(!policy.well(at(10_000)));
        assert!(policy.well(at(10_300)));
        assert_eq!(ended(&mut policy), Verdict::After(FIRST));
    }

    #[test]
    fn a_k3s_that_lives_for_long_and_never_gets_well_is_given_up() {
        let mut policy = Policy::default();
        for _ in 0..MOST {
            assert_ne!(ended(&mut policy), Verdict::GiveUp);
            policy.unwell();
        }
        assert_eq!(ended(&mut policy), Verdict::GiveUp);
    }

    #[test]
    fn a_crash_each_hour_of_a_healthy_k3s_is_started_again_for_ever() {
        let (start, mut policy) = (Instant::now(), Policy::default());
        for hour in 0..24 {
            assert_eq!(ended(&mut policy), Verdict::After(FIRST));
            policy.well(start + Duration::from_hours(hour));
            policy.well(start + Duration::from_hours(hour) + FORGIVEN);
        }
    }
}
