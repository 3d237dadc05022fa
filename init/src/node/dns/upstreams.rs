//! The servers that queries are passed on to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The servers to ask: those that are `configured`, or else the `containers`, but never the relay itself. None
/// if there is none.
pub fn choose(configured: &[IpAddr], containers: &[IpAddr], relay: Ipv4Addr) -> Option<Vec<IpAddr>> {
    let named = if configured.is_empty() { containers } else { configured };
    let others: Vec<_> = named.iter().copied().filter(|server| *server != IpAddr::V4(relay)).collect();
    (!others.is_empty()).then_some(others)
}

/// The servers, and the one that answered last.
pub struct Upstreams {
    servers: Vec<SocketAddr>,
    first: AtomicUsize,
}

impl Upstreams {
    /// The first one is preferred until it fails.
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, first: AtomicUsize::new(0) }
    }

    /// All of them, the one that answered last first: a dead one costs its wait once, and not each time.
    pub fn in_order(&self) -> impl Iterator<Item = (usize, SocketAddr)> {
        let first = self.first.load(Ordering::Relaxed);
        let all = self.servers.iter().copied().enumerate();
        let preferred = all.clone().filter(move |(i, _)| *i == first);
        preferred.chain(all.filter(move |(i, _)| *i != first))
    }

    /// Remembers that number `i` answered.
    pub fn answered(&self, i: usize) {
        self.first.store(i, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_wins_and_the_relay_never_asks_itself() {
        let relay = Ipv4Addr::new(172, 18, 0, 2);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let (docker, a, b) = (ip("127.0.0.11"), ip("10.0.0.1"), ip("fd00::1"));
        for (configured, containers, chosen) in [
            (&[][..], &[docker][..], Some(vec![docker])),
            (&[a, b], &[docker], Some(vec![a, b])),
            (&[], &[IpAddr::V4(relay), docker], Some(vec![docker])),
            (&[], &[IpAddr::V4(relay)], None),
            (&[], &[], None),
        ] {
            assert_eq!(choose(configured, containers, relay), chosen, "{configured:?} {containers:?}");
        }
    }

    #[test]
    fn the_one_that_answered_last_comes_first() {
        let all = ["10.0.0.1:53", "10.0.0.2:53", "10.0.0.3:53"].map(|a| a.parse::<SocketAddr>().unwrap());
        let upstreams = Upstreams::new(all.to_vec());
        let order = || upstreams.in_order().map(|(i, _)| i).collect::<Vec<_>>();
        assert_eq!(order(), [0, 1, 2]);
        upstreams.answered(2);
        assert_eq!(order(), [2, 0, 1]);
    }
}
