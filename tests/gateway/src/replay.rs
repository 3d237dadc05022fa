//! Memory of the nonces that were accepted, so that a line that was overheard isn't accepted again.

use std::collections::HashMap;

use crate::nssh1::{Preface, Refusal};

/// Nonces whose line the clock alone would still accept.
///
/// Bounded: when it is full of such nonces the next handshake is refused rather than an old nonce forgotten.
/// Only lines with a right HMAC get here, so a stranger can't fill it. It lasts as long as the process.
#[derive(Debug)]
pub struct NonceMemory {
    capacity: usize,
    /// Nonce to the last second at which its line is within the skew.
    seen: HashMap<String, u64>,
}

impl NonceMemory {
    /// An empty memory for at most `capacity` nonces.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, seen: HashMap::new() }
    }

    /// Takes a verified `preface` at the time `now`, or refuses it because its nonce was taken before.
    /// Times and `max_skew` are in seconds.
    pub fn take(&mut self, preface: &Preface, now: u64, max_skew: u64) -> Result<(), Refusal> {
        if self.seen.contains_key(preface.nonce()) {
            return Err(Refusal::Replayed);
        }
        if self.seen.len() >= self.capacity {
            self.seen.retain(|_, last| *last >= now);
        }
        if self.seen.len() >= self.capacity {
            return Err(Refusal::Busy);
        }
        self.seen.insert(preface.nonce().to_owned(), preface.timestamp().saturating_add(max_skew));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKEW: u64 = 300;

    fn preface(nonce: u8, timestamp: u64) -> Preface {
        Preface::new("t", timestamp, [nonce; 16]).unwrap()
    }

    #[test]
    fn a_nonce_is_taken_once() {
        let mut memory = NonceMemory::new(8);
        assert_eq!(memory.take(&preface(1, 1000), 1000, SKEW), Ok(()));
        assert_eq!(memory.take(&preface(1, 1000), 1001, SKEW), Err(Refusal::Replayed));
        assert_eq!(memory.take(&preface(2, 1000), 1001, SKEW), Ok(()));
    }

    #[test]
    fn a_full_memory_refuses_instead_of_forgetting() {
        let mut memory = NonceMemory::new(2);
        memory.take(&preface(1, 1000), 1000, SKEW).unwrap();
        memory.take(&preface(2, 1000), 1000, SKEW).unwrap();
        assert_eq!(memory.take(&preface(3, 1300), 1300, SKEW), Err(Refusal::Busy));
        assert_eq!(memory.take(&preface(1, 1000), 1300, SKEW), Err(Refusal::Replayed));
        assert_eq!(memory.take(&preface(3, 1301), 1301, SKEW), Ok(()));
        assert!(memory.seen.len() <= 2);
    }
}
