//! Passes that somebody waits for. A pass that is under way may have read what has changed since, so that
//! only one that begins later will do.

use tokio::sync::watch;

/// Who asked, and for whom a pass was done.
pub struct Looks {
    asked: watch::Sender<u64>,
    done: watch::Sender<u64>,
}

impl Looks {
    /// Nobody asked yet.
    pub fn new() -> Self {
        Self { asked: watch::Sender::new(0), done: watch::Sender::new(0) }
    }

    /// Asks for a pass. Returns the number to wait for.
    pub fn ask(&self) -> u64 {
        self.asked.send_modify(|number| *number += 1);
        self.asked()
    }

    /// The last number that was asked for: to be read before a pass begins.
    pub fn asked(&self) -> u64 {
        *self.asked.borrow()
    }

    /// Tells that a pass ended which began when `asked` had been read.
    pub fn tell(&self, asked: u64) {
        self.done.send_replace(asked);
    }

    /// Waits until the pass for `number` is done.
    pub async fn done(&self, number: u64) {
        // Fails only without a sender, and that is here.
        let _ = self.done.subscribe().wait_for(|done| *done >= number).await;
    }
}

#[cfg(test)]
mod tests {
    use super::Looks;
    use futures_util::FutureExt;

    #[test]
    fn a_pass_under_way_does_not_count() {
        let looks = Looks::new();
        let under_way = looks.asked();
        let number = looks.ask();
        looks.tell(under_way);
        assert_eq!(looks.done(number).now_or_never(), None);
        looks.tell(looks.asked());
        assert_eq!(looks.done(number).now_or_never(), Some(()));
    }
}
