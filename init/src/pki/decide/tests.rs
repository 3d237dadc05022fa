//! A test for each row of the table. Times count from [`now`].

mod clock;
mod rotation;

use super::*;
use crate::pki::issue;

const DAY: Duration = Duration::days(1);

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

fn names() -> Vec<String> {
    ["localhost", "127.0.0.1", "gw.Example", "fd00::1"].map(str::to_owned).to_vec()
}

fn good() -> Observed {
    made(&Ca { pair: issue::ca(now()).unwrap(), previous: String::new() }, now())
}

/// Everything as it is right after `ca` was made and all was issued under it.
fn made(ca: &Ca, at: OffsetDateTime) -> Observed {
    let current = Certificate::from_pem(&ca.pair.certificate).unwrap();
    let bundle = Trust::new(current, &ca.previous(), at).bundle();
    Observed {
        client_ca: Some(bundle.clone()),
        client_trust: Some(bundle),
        server: Some(issue::leaf(&ca.pair, Role::Server, &names(), at).unwrap()),
        client: Some(issue::leaf(&ca.pair, Role::Client, &[], at).unwrap()),
        ca: Some(ca.clone()),
    }
}

/// A gateway whose CA key was thrown away.
fn original() -> Observed {
    Observed { ca: None, ..good() }
}

/// `observed` after a change of CA: the CA and the bundles are new, the leaves are not.
fn overlapping(observed: &Observed, at: OffsetDateTime) -> Observed {
    let previous = observed.client_ca.clone().unwrap();
    let after = made(&Ca { pair: issue::ca(at).unwrap(), previous }, at);
    Observed { server: observed.server.clone(), client: observed.client.clone(), ..after }
}

fn judge(observed: &Observed) -> Decision {
    at(observed, now())
}

fn at(observed: &Observed, now: OffsetDateTime) -> Decision {
    decide(observed, None, &names(), now, None)
}

fn asked(observed: &Observed, request: Request) -> Decision {
    decide(observed, None, &names(), now(), Some(request))
}

fn issued(decision: Decision) -> Issue {
    match decision {
        Decision::Issue(issue) => *issue,
        other => panic!("{other:?}"),
    }
}

fn only_server(flaw: Flaw) -> Issue {
    Issue { server: Some(flaw), ..Issue::default() }
}

fn ca_of(observed: &Observed) -> Certificate {
    Certificate::from_pem(&observed.ca.as_ref().unwrap().pair.certificate).unwrap()
}

#[test]
fn what_was_just_made_is_kept() {
    assert_eq!(judge(&good()), Decision::Keep(Note::Fine));
}

#[test]
fn nothing_there_is_a_first_start() {
    assert_eq!(judge(&Observed::default()), Decision::NewCa(Flaw::Missing, vec![]));
}

#[test]
fn what_a_cut_start_left_out_is_issued_under_the_same_ca() {
    let missing = Some(Flaw::Missing);
    let only_ca = Observed { ca: good().ca, ..Observed::default() };
    let all = Issue {
        server: missing.clone(),
        client: missing.clone(),
        client_ca: missing.clone(),
        client_trust: missing.clone(),
    };
    assert_eq!(issued(judge(&only_ca)), all);
    let no_server = Observed { server: None, ..good() };
    assert_eq!(issued(judge(&no_server)), only_server(Flaw::Missing));
    let no_trust = Observed { client_trust: None, ..good() };
    assert_eq!(issued(judge(&no_trust)), Issue { client_trust: missing.clone(), ..Issue::default() });
    let no_client_ca = Observed { client_ca: None, ..good() };
    assert_eq!(issued(judge(&no_client_ca)), Issue { client_ca: missing, ..Issue::default() });
}

#[test]
fn a_missing_or_wrong_key_is_found_out() {
    let with_key = |key: &str| {
        let mut observed = good();
        observed.server.as_mut().unwrap().key = zeroize::Zeroizing::new(key.to_owned());
        issued(judge(&observed))
    };
    let other = good().server.unwrap().key;
    assert_eq!(with_key(&other), only_server(Flaw::KeyMismatch));
    assert_eq!(with_key("no key"), only_server(Flaw::Unparsable));
    assert_eq!(with_key(""), only_server(Flaw::KeyMissing));
}

#[test]
fn a_certificate_that_is_none_is_issued_again() {
    let mut observed = good();
    observed.server.as_mut().unwrap().certificate = "-----BEGIN CERTIFICATE-----\n".to_owned();
    assert_eq!(issued(judge(&observed)), only_server(Flaw::Unparsable));
    let observed = Observed { client_ca: Some("-----BEGIN nonsense".to_owned()), ..good() };
    assert_eq!(issued(judge(&observed)).client_ca, Some(Flaw::Unparsable));
}

#[test]
fn a_leaf_of_another_ca_is_issued_again() {
    let mut observed = good();
    observed.server = good().server;
    assert_eq!(issued(judge(&observed)), only_server(Flaw::ChainBroken));
    let observed = Observed { client_ca: good().client_ca, ..good() };
    assert_eq!(issued(judge(&observed)).client_ca, Some(Flaw::WrongBundle));
}

#[test]
fn a_leaf_for_the_other_role_is_issued_again() {
    let mut observed = good();
    let ca = observed.ca.clone().unwrap().pair;
    observed.server = Some(issue::leaf(&ca, Role::Client, &names(), now()).unwrap());
    assert_eq!(issued(judge(&observed)), only_server(Flaw::WrongUsage));
}

#[test]
fn a_name_more_needs_a_new_leaf_and_a_name_less_does_not() {
    let with = |names: &[String]| decide(&good(), None, names, now(), None);
    let mut more = names();
    more.push("new.example".to_owned());
    assert_eq!(issued(with(&more)), only_server(Flaw::NameMissing("new.example".to_owned())));
    assert_eq!(with(&names()[..1]), Decision::Keep(Note::Fine));
}

#[test]
fn leaves_are_renewed_at_two_thirds_of_their_life() {
    assert_eq!(at(&good(), now() + DAY * 242), Decision::Keep(Note::Fine));
    let due = Some(Flaw::RenewalDue);
    let both = Issue { server: due.clone(), client: due, ..Issue::default() };
    assert_eq!(issued(at(&good(), now() + DAY * 244)), both);
}

#[test]
fn an_original_gateway_without_ca_key_is_kept_while_it_verifies() {
    assert_eq!(judge(&original()), Decision::Keep(Note::NoCaKey));
    let trusted = Certificate::all_from_pem(&original().client_ca.unwrap()).unwrap();
    assert_eq!(trusted.len(), 1);
    let broken = Observed { server: good().server, ..original() };
    let Decision::NewCa(Flaw::Missing, previous) = judge(&broken) else { panic!() };
    assert_eq!(previous, Certificate::all_from_pem(&broken.client_trust.unwrap()).unwrap());
}

#[test]
fn an_original_gateway_whose_leaf_is_due_gets_a_ca_beside_its_own_and_keeps_the_leaf() {
    let original = original();
    let due = now() + DAY * 300;
    let Decision::NewCa(Flaw::Missing, previous) = at(&original, due) else { panic!() };
    assert_eq!(previous.len(), 1);
    assert_eq!(at(&overlapping(&original, due), due), Decision::Keep(Note::Fine));
}

#[test]
fn a_ca_whose_key_is_gone_counts_as_an_original_one() {
    let mut observed = good();
    observed.ca.as_mut().unwrap().pair.key = zeroize::Zeroizing::default();
    assert_eq!(judge(&observed), Decision::Keep(Note::NoCaKey));
    let broken = Observed { server: None, ..observed.clone() };
    assert_eq!(judge(&broken), Decision::NewCa(Flaw::KeyMissing, vec![ca_of(&observed)]));
    observed.ca.as_mut().unwrap().pair.key = good().ca.unwrap().pair.key;
    let broken = Observed { server: None, ..observed.clone() };
    assert_eq!(judge(&broken), Decision::NewCa(Flaw::KeyMismatch, vec![ca_of(&observed)]));
}

#[test]
fn a_leaf_in_the_place_of_the_ca_is_no_ca() {
    let server = good().server.unwrap();
    let observed = Observed { ca: Some(Ca { pair: server, previous: String::new() }), ..Observed::default() };
    assert_eq!(judge(&observed), Decision::NewCa(Flaw::WrongUsage, vec![]));
}

#[test]
fn a_ca_in_memory_is_restored_unless_another_is_trusted_now() {
    let ca = good().ca.unwrap();
    let with_memory = |observed: &Observed| decide(observed, Some(&ca), &names(), now(), None);
    let lost = Observed { ca: None, ..made(&ca, now()) };
    assert_eq!(with_memory(&lost), Decision::RestoreCa(Flaw::Missing));
    assert_eq!(with_memory(&Observed::default()), Decision::RestoreCa(Flaw::Missing));
    assert_eq!(with_memory(&original()), Decision::Keep(Note::NoCaKey));
    assert_eq!(with_memory(&good()), Decision::Keep(Note::Fine));
}

#[test]
fn a_leaf_does_not_outlive_its_ca() {
    let ca = issue::ca(now()).unwrap();
    let leaf = issue::leaf(&ca, Role::Client, &[], now() + DAY * 3600).unwrap();
    let end = |pem: &str| Certificate::from_pem(pem).unwrap().validity.1;
    assert_eq!(end(&leaf.certificate), end(&ca.certificate));
}
