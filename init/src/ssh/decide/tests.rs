//! A test for each row of the table.

use super::*;
use openshell_contract::names::cluster;
use proptest::prelude::*;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const GOOD: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
const OURS: Option<&str> = Some(cluster::FIELD_MANAGER);

fn value(text: &str) -> Value {
    Value::parse(text).unwrap()
}

fn secret(text: &str, owner: Option<&str>) -> KubeSecret {
    let label = owner.map(|owner| (cluster::MANAGED_BY_LABEL.to_owned(), owner.to_owned()));
    KubeSecret {
        data: BTreeMap::from([("secret".to_owned(), Zeroizing::new(text.as_bytes().to_vec()))]),
        labels: label.into_iter().collect(),
        ..KubeSecret::default()
    }
}

fn holder(name: &str, since: &str, text: &str) -> Holder {
    Holder { name: name.to_owned(), since: since.to_owned(), value: Value::parse(text).ok() }
}

#[test]
fn a_usable_secret_is_kept_whoever_made_it_and_whatever_sandboxes_hold() {
    for owner in [OURS, None, Some("Helm")] {
        let found = secret(GOOD, owner);
        assert_eq!(decide(Some(&found), None, &[]), Decision::Keep(value(GOOD)));
        let holders = [holder("old", "2026", OTHER)];
        assert_eq!(decide(Some(&found), Some(&value(OTHER)), &holders), Decision::Keep(value(GOOD)));
    }
}

#[test]
fn an_absent_one_is_created_when_no_value_is_known() {
    assert_eq!(decide(None, None, &[]), Decision::Create(Cause::Absent));
    assert_eq!(decide(None, None, &[holder("a", "2026", "junk")]), Decision::Create(Cause::Absent));
}

#[test]
fn an_absent_one_is_restored_from_memory_or_else_from_the_newest_sandbox() {
    let holders = [holder("a", "2026-01-02T00:00:00Z", GOOD), holder("b", "2026-01-01T00:00:00Z", OTHER)];
    assert_eq!(decide(None, None, &holders), Decision::Restore(value(GOOD), Cause::Absent));
    let known = value(OTHER);
    assert_eq!(decide(None, Some(&known), &holders), Decision::Restore(known.clone(), Cause::Absent));
}

#[test]
fn a_damaged_one_gets_the_known_value_back() {
    let why = Cause::Unusable(Flaw::Length);
    for owner in [OURS, None] {
        let damaged = secret("short", owner);
        let restored = Decision::Restore(value(GOOD), why);
        assert_eq!(decide(Some(&damaged), Some(&value(GOOD)), &[]), restored);
        assert_eq!(decide(Some(&damaged), None, &[holder("a", "2026", GOOD)]), restored);
    }
}

#[test]
fn a_damaged_one_of_ours_that_nobody_holds_is_made_anew() {
    let cases = [("", Flaw::Length), ("0f", Flaw::Length), (&GOOD.to_uppercase(), Flaw::NotHex)];
    for (text, flaw) in cases {
        let expected = Decision::Create(Cause::Unusable(flaw));
        assert_eq!(decide(Some(&secret(text, OURS)), None, &[]), expected, "{text}");
    }
    let ours = KubeSecret { labels: secret("", OURS).labels, ..KubeSecret::default() };
    assert_eq!(decide(Some(&ours), None, &[]), Decision::Create(Cause::Unusable(Flaw::NoText)));
}

#[test]
fn a_damaged_one_is_left_alone_while_sandboxes_hold_what_nobody_can_write() {
    let holders = [holder("a", "2026", "junk")];
    for owner in [OURS, None] {
        let refused = decide(Some(&secret("short", owner)), None, &holders);
        assert_eq!(refused, Decision::Refuse(Refusal::Held(Flaw::Length, vec!["a".to_owned()])));
    }
}

#[test]
fn a_damaged_one_that_we_did_not_make_is_left_alone() {
    let refused = decide(Some(&secret("short", None)), None, &[]);
    assert_eq!(refused, Decision::Refuse(Refusal::NotOurs(Flaw::Length)));
    let refused = decide(Some(&secret("short", Some("Helm"))), Some(&value(GOOD)), &[]);
    assert_eq!(refused, Decision::Refuse(Refusal::Kept(Flaw::Length, "Helm".to_owned())));
}

#[test]
fn sandboxes_with_another_value_are_named() {
    let holders = [holder("a", "1", GOOD), holder("b", "1", OTHER), holder("c", "1", "junk")];
    assert_eq!(strangers(&value(GOOD), &holders), ["b", "c"]);
}

proptest! {
    /// What is written is kept, and a value that a sandbox holds is never replaced by a new one.
    #[test]
    fn deciding_again_keeps(
        found in proptest::option::of((any::<prop::sample::Index>(), any::<bool>())),
        known in any::<bool>(),
        held in proptest::collection::vec(any::<bool>(), 0..4),
    ) {
        let texts = [GOOD, OTHER, "", "short", "zz"];
        let found = found.map(|(i, ours)| secret(texts[i.index(texts.len())], ours.then_some("openshell-init")));
        let known = known.then(|| value(GOOD));
        let holders: Vec<_> = held.iter().map(|good| holder("s", "1", if *good { GOOD } else { "junk" })).collect();
        let written = match decide(found.as_ref(), known.as_ref(), &holders) {
            Decision::Keep(kept) => kept,
            Decision::Create(_) => {
                prop_assert!(known.is_none() && holders.iter().all(|h| h.value.is_none()));
                Value::generate()
            }
            Decision::Restore(restored, _) => restored,
            Decision::Refuse(_) => return Ok(()),
        };
        let after = secret(&written.text(), OURS);
        prop_assert_eq!(decide(Some(&after), known.as_ref(), &holders), Decision::Keep(written));
    }
}
