//! Which faults come when: all of it follows from the seed, each round from its number alone.

use crate::fault::{Fault, KINDS, Kind, Powers};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use std::ops::Range;
use std::time::Duration;

/// Longest pause before a second fault, which is about a whole start.
const PAUSE_MS: u64 = 12_000;
/// How many of ten rounds have a second fault.
const SECOND: u32 = 4;

/// The rounds of a run.
pub(crate) struct Plan {
    seed: u64,
    rounds: Range<u64>,
    kinds: Vec<&'static Kind>,
    /// When no more of them begins.
    pub(crate) limit: Duration,
}

/// One round.
pub(crate) struct Round {
    /// Its first fault.
    pub(crate) first: (&'static Kind, Fault),
    /// A pause and another fault.
    pub(crate) then: Option<(Duration, (&'static Kind, Fault))>,
}

impl Plan {
    /// What the environment asks for, as far as there are `powers` to do it.
    pub(crate) fn from_environment(powers: &Powers) -> Self {
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
        let first = number("OPENSHELL_CHAOS_FIRST").unwrap_or(0);
        Self {
            seed: number("OPENSHELL_CHAOS_SEED").unwrap_or_else(rand::random),
            rounds: first..first + number("OPENSHELL_CHAOS_ROUNDS").unwrap_or(2),
            limit: number("OPENSHELL_CHAOS_SECONDS").map_or(Duration::MAX, Duration::from_secs),
            kinds: KINDS.iter().filter(|kind| powers.suffice(kind)).collect(),
        }
    }

    /// How to make the run again.
    pub(crate) fn again(&self) -> String {
        format!(
            "--seed {} --first {} --rounds {} ({} kinds of fault)",
            self.seed,
            self.rounds.start,
            self.rounds.end - self.rounds.start,
            self.kinds.len()
        )
    }

    /// The numbers of its rounds.
    pub(crate) fn rounds(&self) -> Range<u64> {
        self.rounds.clone()
    }

    /// The round of this number. Every kind comes first once before any comes first again.
    pub(crate) fn round(&self, number: u64) -> Round {
        let many = u64::try_from(self.kinds.len()).expect("a few");
        let mut deck: Vec<usize> = (0..self.kinds.len()).collect();
        deck.shuffle(&mut self.dice(u64::MAX - number / many));
        let place = usize::try_from(number % many).expect("below a few");
        let mut dice = self.dice(number);
        let first = self.kinds[deck[place]];
        Round {
            first: (first, (first.make)(&mut dice)),
            then: dice.random_ratio(SECOND, 10).then(|| {
                let pause = Duration::from_millis(dice.random_range(0..PAUSE_MS));
                let kind = self.kinds[dice.random_range(0..self.kinds.len())];
                (pause, (kind, (kind.make)(&mut dice)))
            }),
        }
    }

    fn dice(&self, stream: u64) -> StdRng {
        // Any odd number keeps different streams different.
        StdRng::seed_from_u64(self.seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }
}

impl Round {
    /// In words.
    pub(crate) fn tell(&self) -> String {
        match &self.then {
            None => format!("{:?}", self.first.1),
            Some((pause, (_, second))) => {
                format!("{:?}, after {} ms {second:?}", self.first.1, pause.as_millis())
            }
        }
    }
}
