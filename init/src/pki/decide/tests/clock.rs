//! Age, and clocks that are wrong.

use super::*;

#[test]
fn a_ca_past_two_thirds_gets_a_successor_beside_it() {
    let old = good();
    let late = now() + DAY * 2500;
    let aged = Observed { ca: old.ca.clone(), ..made(&old.ca.clone().unwrap(), late - DAY * 2) };
    assert_eq!(at(&aged, late), Decision::NewCa(Flaw::RenewalDue, vec![ca_of(&old)]));
}

#[test]
fn a_clock_that_jumps_ahead_costs_leaves_and_no_ca() {
    let ahead = now() + DAY * 2500;
    let expired = Some(Flaw::Expired);
    let both = Issue { server: expired.clone(), client: expired, ..Issue::default() };
    assert_eq!(issued(at(&good(), ahead)), both);
    // The new leaves are of just now, so the CA's age counts for nothing yet.
    let made_ahead = made(&good().ca.unwrap(), ahead);
    assert_eq!(at(&made_ahead, ahead), Decision::Keep(Note::Fine));
    // The clock is right again.
    let early = Some(Flaw::NotYetValid);
    let both = Issue { server: early.clone(), client: early, ..Issue::default() };
    assert_eq!(issued(judge(&made_ahead)), both);
    assert_eq!(at(&good(), now() + DAY * 4000), Decision::Refuse(Refusal::CaExpired));
}

#[test]
fn a_clock_that_went_back_changes_nothing_and_makes_nothing() {
    let back = now() - DAY * 100;
    assert_eq!(at(&good(), back), Decision::Keep(Note::ClockBehind));
    let broken = Observed { server: None, ..good() };
    assert_eq!(at(&broken, back), Decision::Refuse(Refusal::CaNotYetValid));
    let ancient = OffsetDateTime::UNIX_EPOCH + DAY;
    assert_eq!(at(&Observed::default(), ancient), Decision::Refuse(Refusal::ClockBehind));
    assert_eq!(at(&good(), ancient), Decision::Keep(Note::ClockBehind));
}
