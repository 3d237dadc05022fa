use super::*;
use crate::pki::issue;
use time::Duration;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

fn names() -> Vec<String> {
    ["localhost", "127.0.0.1", "gw.Example", "fd00::1"].map(str::to_owned).to_vec()
}

fn good() -> Observed {
    let ca = issue::ca(now()).unwrap();
    Observed {
        client_ca: Some(ca.certificate.clone()),
        client_trust: Some(ca.certificate.clone()),
        server: Some(issue::leaf(&ca, Role::Server, &names(), now()).unwrap()),
        client: Some(issue::leaf(&ca, Role::Client, &[], now()).unwrap()),
        ca: Some(ca),
    }
}

fn judge(observed: &Observed) -> Decision {
    decide(observed, &names(), now())
}

/// The flaws of gateway's leaf, clients' leaf and bundle.
fn flaws(observed: &Observed) -> (Option<Flaw>, Option<Flaw>, Option<Flaw>) {
    match judge(observed) {
        Decision::Reissue { server, client, client_ca } => (server, client, client_ca),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_just_made_is_kept() {
    assert_eq!(judge(&good()), Decision::Keep { renewable: true });
}

#[test]
fn nothing_there_is_a_first_start() {
    assert_eq!(judge(&Observed::default()), Decision::Generate(Flaw::Missing));
}

#[test]
fn a_missing_half_is_issued_under_the_same_ca() {
    let all = (Some(Flaw::Missing), Some(Flaw::Missing), Some(Flaw::Missing));
    assert_eq!(flaws(&Observed { ca: good().ca, ..Observed::default() }), all);
    assert_eq!(flaws(&Observed { server: None, ..good() }), (Some(Flaw::Missing), None, None));
    assert_eq!(flaws(&Observed { client_trust: None, ..good() }), (None, Some(Flaw::Missing), None));
    assert_eq!(flaws(&Observed { client_ca: None, ..good() }), (None, None, Some(Flaw::Missing)));
}

#[test]
fn a_key_of_another_certificate_is_found_out() {
    let mut observed = good();
    let other = good().server.unwrap().key;
    observed.server.as_mut().unwrap().key = other;
    assert_eq!(flaws(&observed).0, Some(Flaw::KeyMismatch));
    observed.server.as_mut().unwrap().key = zeroize::Zeroizing::new("no key".to_owned());
    assert_eq!(flaws(&observed).0, Some(Flaw::Unparsable));
}

#[test]
fn a_leaf_of_another_ca_is_issued_again() {
    let mut observed = good();
    observed.client = good().client;
    assert_eq!(flaws(&observed), (None, Some(Flaw::ChainBroken), None));
    let observed = Observed { client_ca: good().client_ca, ..good() };
    assert_eq!(flaws(&observed), (None, None, Some(Flaw::ChainBroken)));
}

#[test]
fn a_leaf_for_the_other_role_is_issued_again() {
    let mut observed = good();
    let ca = observed.ca.clone().unwrap();
    observed.server = Some(issue::leaf(&ca, Role::Client, &names(), now()).unwrap());
    assert_eq!(flaws(&observed).0, Some(Flaw::WrongUsage));
}

#[test]
fn a_name_more_needs_a_new_leaf_and_a_name_less_does_not() {
    let mut more = names();
    more.push("new.example".to_owned());
    let Decision::Reissue { server, .. } = decide(&good(), &more, now()) else { panic!() };
    assert_eq!(server, Some(Flaw::NameMissing("new.example".to_owned())));
    assert_eq!(decide(&good(), &names()[..1], now()), Decision::Keep { renewable: true });
}

#[test]
fn leaves_are_renewed_at_two_thirds_of_their_life() {
    let at = |days| decide(&good(), &names(), now() + Duration::days(days));
    assert_eq!(at(242), Decision::Keep { renewable: true });
    let due = Some(Flaw::RenewalDue);
    assert_eq!(at(244), Decision::Reissue { server: due.clone(), client: due, client_ca: None });
}

#[test]
fn a_ca_serves_to_its_end_and_then_everything_is_made_anew() {
    let mut observed = good();
    let late = now() + Duration::days(3600);
    let ca = observed.ca.clone().unwrap();
    observed.server = Some(issue::leaf(&ca, Role::Server, &names(), late).unwrap());
    assert!(matches!(decide(&observed, &names(), late), Decision::Reissue { server: None, .. }));
    assert_eq!(decide(&observed, &names(), now() + Duration::days(3651)), Decision::Generate(Flaw::Expired));
}

#[test]
fn a_clock_that_went_back_changes_nothing() {
    assert_eq!(decide(&good(), &names(), now() - Duration::days(400)), Decision::Keep { renewable: true });
}

#[test]
fn an_original_gateway_without_ca_key_is_kept_while_it_verifies() {
    let original = Observed { ca: None, ..good() };
    assert_eq!(judge(&original), Decision::Keep { renewable: false });
    let broken = Observed { server: good().server, ..original };
    assert_eq!(judge(&broken), Decision::Generate(Flaw::Missing));
}

#[test]
fn a_leaf_is_no_ca() {
    let mut observed = good();
    observed.ca = observed.server.clone();
    observed.client_ca = None;
    assert_eq!(judge(&observed), Decision::Generate(Flaw::WrongUsage));
}

#[test]
fn a_leaf_does_not_outlive_its_ca() {
    let ca = issue::ca(now()).unwrap();
    let leaf = issue::leaf(&ca, Role::Client, &[], now() + Duration::days(3600)).unwrap();
    let end = |pem: &str| Certificate::from_pem(pem).unwrap().validity.1;
    assert_eq!(end(&leaf.certificate), end(&ca.certificate));
}
