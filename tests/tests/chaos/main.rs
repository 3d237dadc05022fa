//! Disturbances at random instants, one after the other and one into the recovery from another: the gateway
//! comes back by itself, as the one that it was.
//!
//! `OPENSHELL_CHAOS_ROUNDS` is how many (2), `OPENSHELL_CHAOS_SEED` makes a run again (it is printed).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fault;

use fault::Fault;
use openshell_e2e::snapshot::{Counters, Snapshot, try_counters};
use openshell_e2e::{Client, Gateway, sandbox};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::cell::Cell;
use std::io::Write;
use std::time::{Duration, Instant};

/// Longest pause before a fault, which is about a whole start.
const PAUSE_MS: u64 = 12_000;

#[test]
fn a_gateway_comes_back_as_itself_from_any_row_of_faults() {
    let seed = number("OPENSHELL_CHAOS_SEED").unwrap_or_else(rand::random);
    say(&format!("chaos: OPENSHELL_CHAOS_SEED={seed}"));
    let mut dice = StdRng::seed_from_u64(seed);
    let gateway = Gateway::new("chaos");
    let _ = gateway.start(&[]).ok();
    sandbox::create(&gateway);
    sandbox::shake_hands(&gateway);
    let expected = Expected {
        client: Client::new(&gateway),
        sandbox: sandbox::uid(&gateway),
        snapshot: Snapshot::take(&gateway),
    };
    let mut kept = try_counters(&gateway, true).unwrap();
    for round in 0..number("OPENSHELL_CHAOS_ROUNDS").unwrap_or(2) {
        let first = Fault::random(&mut dice);
        let more = dice.random_bool(0.4).then(|| (dice.random_range(0..PAUSE_MS), Fault::random(&mut dice)));
        let row = match &more {
            None => format!("{first:?}"),
            Some((pause, second)) => format!("{first:?}, after {pause} ms {second:?}"),
        };
        say(&format!("chaos {round}: {row}"));
        let begin = Instant::now();
        first.strike(&gateway);
        if let Some((pause, second)) = more {
            // The instant is what is chosen here, not a condition.
            std::thread::sleep(Duration::from_millis(pause));
            second.strike(&gateway);
        }
        kept = expected.comes_back(&gateway, kept);
        say(&format!("chaos {round}: well after {} ms", begin.elapsed().as_millis()));
    }
}

/// What has to be the same after each round.
struct Expected {
    client: Client,
    sandbox: String,
    snapshot: Snapshot,
}

impl Expected {
    /// Waits until all is well, and compares. Returns the gateway's counters, after adding one.
    fn comes_back(&self, gateway: &Gateway, before: Counters) -> Counters {
        let counted = Cell::new(None);
        gateway.wait("process 1 has looked at everything", || {
            gateway.exec(&["openshell-init", "look"]).code == 0
        });
        gateway.wait("the gateway counts on", || {
            counted.set(try_counters(gateway, true));
            counted.get().is_some()
        });
        let counted = counted.get().unwrap();
        assert!(counted.counter > before.counter, "{before:?} {counted:?}");
        sandbox::shake_hands(gateway);
        gateway.wait("clients of before are served", || {
            gateway.grpc_health_with(self.client.dir(), true).code == 0
        });
        assert_eq!(sandbox::uid(gateway), self.sandbox, "the sandbox was created anew");
        let now = Snapshot::take(gateway);
        let ssh = |s: &Snapshot| s.secrets["openshell-ssh-handshake"].0.clone();
        assert_eq!(ssh(&now), ssh(&self.snapshot), "another SSH secret");
        assert_eq!((&now.ca, &now.fingerprint), (&self.snapshot.ca, &self.snapshot.fingerprint));
        let zombies = gateway.processes().lines().filter(|line| line.contains(" Z")).count();
        assert_eq!(zombies, 0, "{}", gateway.processes());
        counted
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
