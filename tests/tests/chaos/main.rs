//! Disturbances at random instants, one after the other and one into the recovery from another: the gateway
//! comes back by itself, as the one that it was.
//!
//! - `OPENSHELL_CHAOS_ROUNDS` is how many (2), from number `OPENSHELL_CHAOS_FIRST` (0) on
//! - `OPENSHELL_CHAOS_SECONDS`: no round begins later than that (no limit)
//! - `OPENSHELL_CHAOS_SEED` makes a run again (it is printed)
//! - `OPENSHELL_CHAOS_DAEMON=1`: the Docker daemon may be killed, with whatever runs on it
//! - `OPENSHELL_CHAOS_DISK=1`: the gateway's volume is on a disk of its own, which has faults too
//! - `OPENSHELL_CHAOS_POINTS=1`: the image has fault points
//!
//! Faults that touch processes and disks from outside need root on Docker's machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clock;
mod container;
mod disk;
mod expected;
mod fault;
mod files;
mod footprint;
mod machine;
mod network;
mod plan;
mod tally;

use expected::Expected;
use fault::Powers;
use openshell_e2e::Gateway;
use plan::Plan;
use std::io::Write;
use std::time::{Duration, Instant};
use tally::Tally;

#[test]
fn a_gateway_comes_back_as_itself_from_any_row_of_faults() {
    // The disk is the last to go: the gateway's volume is on it.
    let powers = Powers::find();
    let plan = Plan::from_environment(&powers);
    say(&format!("chaos: scripts/chaos {}", plan.again()));
    let gateway = Gateway::new("chaos");
    if let Some(disk) = &powers.disk {
        disk.volume(&gateway);
    }
    let _ = gateway.start(&[]).ok();
    let mut expected = Expected::of(&gateway);
    let mut tally = Tally::default();
    let begin = Instant::now();
    for number in plan.rounds().take_while(|_| begin.elapsed() < plan.limit) {
        let round = plan.round(number);
        say(&format!("chaos {number}: {}", round.tell()));
        round.first.1.strike(&gateway, &powers);
        let mut kind = round.first.0.name;
        if let Some((instant, (_, second))) = &round.then {
            std::thread::sleep(*instant);
            second.strike(&gateway, &powers);
            kind = "two at once";
        }
        let struck = Instant::now();
        expected.comes_back(&gateway);
        let took = struck.elapsed();
        expected.is_itself(&gateway);
        say(&format!("chaos {number}: well after {:.1} s", took.as_secs_f64()));
        tally.add(kind, took);
    }
    say(&format!("{tally}"));
}

/// Lets an instant pass, which is what is chosen here, and not a condition.
fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
