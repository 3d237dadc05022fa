//! A new CA beside the old one, and the end of the old one.

use super::*;
use crate::pki::trust::SETTLE;

#[test]
fn new_leaves_are_made_when_asked_for() {
    let requested = Some(Flaw::Requested);
    let both = Issue { server: requested.clone(), client: requested, ..Issue::default() };
    assert_eq!(issued(asked(&good(), Request::Leaves)), both);
    assert_eq!(asked(&original(), Request::Leaves), Decision::Refuse(Refusal::NoCaKey));
}

#[test]
fn a_new_ca_is_made_when_asked_for_beside_the_one_that_is_trusted() {
    let good = good();
    assert_eq!(asked(&good, Request::Ca), Decision::NewCa(Flaw::Requested, vec![ca_of(&good)]));
    let original = original();
    let trusted = Certificate::all_from_pem(original.client_ca.as_ref().unwrap()).unwrap();
    assert_eq!(asked(&original, Request::Ca), Decision::NewCa(Flaw::Requested, trusted));
    let overlapping = overlapping(&good, now());
    assert_eq!(asked(&overlapping, Request::Ca), Decision::Refuse(Refusal::Overlapping));
}

#[test]
fn a_new_ca_is_made_when_asked_for_even_if_the_clock_is_odd() {
    let ask = |at| decide(&good(), None, &names(), at, Some(Request::Ca));
    assert!(matches!(ask(now() + DAY * 4000), Decision::NewCa(_, previous) if previous.is_empty()));
    assert!(matches!(ask(now() - DAY * 100), Decision::NewCa(..)));
}

#[test]
fn leaves_of_the_previous_ca_go_on_until_clients_had_time() {
    let both = overlapping(&good(), now());
    assert_eq!(judge(&both), Decision::Keep(Note::Fine));
    let settled = now() + SETTLE;
    assert_eq!(at(&both, settled - DAY), Decision::Keep(Note::Fine));
    let superseded = Some(Flaw::Superseded);
    let moved = Issue { server: superseded.clone(), client: superseded, ..Issue::default() };
    assert_eq!(issued(at(&both, settled)), moved);
}

#[test]
fn the_previous_ca_is_dropped_when_no_leaf_of_it_can_be_left() {
    let old = good();
    let ca = Ca { pair: issue::ca(now()).unwrap(), previous: old.client_ca.unwrap() };
    let moved = made(&ca, now() + SETTLE);
    assert_eq!(Certificate::all_from_pem(moved.client_ca.as_ref().unwrap()).unwrap().len(), 2);
    // Leaves are renewed meanwhile, so only the bundles are left to judge.
    let bundles = |at: OffsetDateTime| {
        let renewed = made(&ca, at);
        let observed = Observed {
            client_ca: moved.client_ca.clone(),
            client_trust: moved.client_trust.clone(),
            ..renewed
        };
        self::at(&observed, at)
    };
    assert_eq!(bundles(now() + DAY * 364), Decision::Keep(Note::Fine));
    let wrong = Some(Flaw::WrongBundle);
    let dropped = Issue { client_ca: wrong.clone(), client_trust: wrong, ..Issue::default() };
    assert_eq!(issued(bundles(now() + DAY * 365)), dropped);
}
