//! Lines between the thread that reads them and the one that passes them on.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most bytes of text that wait.
pub const MAX_BYTES: usize = 256 * 1024;
/// Most lines that wait, since each costs memory besides its text.
pub const MAX_LINES: usize = 4096;

/// What was dropped since the last line that was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Whole lines.
    pub lines: u64,
    /// Bytes, those cut from too long lines included.
    pub bytes: u64,
}

impl Lost {
    const NOTHING: Self = Self { lines: 0, bytes: 0 };
}

#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    Text(Vec<u8>),
    Lost(Lost),
}

/// A queue that rather drops than grows or waits. Once full it drops until it is half empty, so that a
/// burst leaves one gap, and not one after each line.
#[derive(Default)]
pub struct Bounded {
    items: VecDeque<Item>,
    bytes: usize,
    lost: Lost,
    dropping: bool,
    ended: bool,
    /// Whoever took the last item is not back for the next one.
    in_hand: bool,
}

impl Bounded {
    /// Puts in a line, from which `cut` bytes were cut, or counts it as lost.
    pub fn offer(&mut self, line: &[u8], cut: u64) {
        let full = self.items.len() >= MAX_LINES || self.bytes + line.len() > MAX_BYTES;
        let low = self.items.len() <= MAX_LINES / 2 && self.bytes <= MAX_BYTES / 2;
        self.dropping = full || self.dropping && !low;
        if self.dropping {
            self.lost.lines += 1;
            self.lost.bytes += line.len() as u64 + cut;
            return;
        }
        if self.lost != Lost::NOTHING {
            self.items.push_back(Item::Lost(std::mem::take(&mut self.lost)));
        }
        self.bytes += line.len();
        self.items.push_back(Item::Text(line.to_owned()));
        self.lost.bytes += cut;
    }

    /// Takes what comes next. What is lost is told when all that came before it is taken.
    pub fn take(&mut self) -> Option<Item> {
        if let Some(item) = self.items.pop_front() {
            if let Item::Text(line) = &item {
                self.bytes -= line.len();
            }
            return Some(item);
        }
        (self.lost != Lost::NOTHING).then(|| Item::Lost(std::mem::take(&mut self.lost)))
    }
}

/// [`Bounded`] between two threads.
#[derive(Default)]
pub struct Queue {
    lines: Mutex<Bounded>,
    changed: Condvar,
    idle: Condvar,
}

impl Queue {
    pub fn offer(&self, line: &[u8], cut: u64) {
        self.lock().offer(line, cut);
        self.changed.notify_one();
    }

    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_one();
    }

    /// Waits for the next item. None: there will be no more.
    pub fn take(&self) -> Option<Item> {
        let mut lines = self.lock();
        lines.in_hand = false;
        loop {
            let item = lines.take();
            lines.in_hand = item.is_some();
            if item.is_some() || lines.ended {
                return item;
            }
            self.idle.notify_all();
            lines = self.changed.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until nothing is left, and what was taken last is done with; at most for `limit`. Returns whether it is.
    pub fn wait_idle(&self, limit: Duration) -> bool {
        let busy =
            |lines: &mut Bounded| lines.in_hand || !lines.items.is_empty() || lines.lost != Lost::NOTHING;
        let waited = self.idle.wait_timeout_while(self.lock(), limit, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    // No code here panics with the lock held.
    fn lock(&self) -> MutexGuard<'_, Bounded> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Offers of some length, and takes (0): nothing is lost untold, and little is kept.
        #[test]
        fn all_that_goes_in_comes_out_or_is_counted(steps in proptest::collection::vec(0_usize..40_000, 0..200)) {
            let (mut queue, mut given, mut got) = (Bounded::default(), Lost::NOTHING, Lost::NOTHING);
            let mut count = |item: &Item| match item {
                Item::Text(line) => { got.lines += 1; got.bytes += line.len() as u64; }
                Item::Lost(lost) => { got.lines += lost.lines; got.bytes += lost.bytes; }
            };
            for length in steps {
                if length % 3 == 0 {
                    queue.take().iter().for_each(&mut count);
                } else {
                    let cut = (length % 2) as u64;
                    queue.offer(&vec![b'x'; length], cut);
                    given.lines += 1;
                    given.bytes += length as u64 + cut;
                }
                prop_assert!(queue.bytes <= MAX_BYTES && queue.items.len() <= MAX_LINES + 1);
            }
            while let Some(item) = queue.take() {
                count(&item);
            }
            prop_assert_eq!(got, given);
            prop_assert_eq!(queue.bytes, 0);
        }
    }

    #[test]
    fn a_burst_leaves_one_gap_however_slowly_lines_are_taken() {
        let mut queue = Bounded::default();
        let mut taken = Vec::new();
        for _ in 0..10 * MAX_LINES {
            queue.offer(b"x", 0);
            queue.offer(b"x", 0);
            taken.extend(queue.take());
        }
        taken.extend(std::iter::from_fn(|| queue.take()));
        let gaps = taken.iter().filter(|item| matches!(item, Item::Lost(_))).count();
        assert!((1..=10).contains(&gaps), "{gaps} gaps");
    }
}
