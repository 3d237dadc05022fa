use super::*;

fn revision(number: u32, status: &str, digest: &str) -> Revision {
    Revision {
        secret: format!("v{number}"),
        number,
        status: status.to_owned(),
        digest: Some(digest.to_owned()),
        ..Revision::default()
    }
}

fn proven(revision: Revision) -> Revision {
    Revision { proven: true, ..revision }
}

fn refused(revision: Revision) -> Revision {
    Revision { refused: true, ..revision }
}

fn originals(number: u32, status: &str) -> Revision {
    Revision { digest: None, ..revision(number, status, "") }
}

fn deploys(revisions: Vec<Revision>) -> (Vec<String>, &'static str) {
    match decide(revisions, "d") {
        Decision::Deploy { interrupted, why } => (interrupted, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_deployed_one_is_kept() {
    let revisions = vec![revision(2, "deployed", "d"), revision(1, "superseded", "d")];
    assert_eq!(decide(revisions, "d"), Decision::Keep(2));
}

#[test]
fn everything_else_deploys() {
    assert_eq!(deploys(vec![]), (vec![], "first deployment"));
    assert_eq!(deploys(vec![revision(1, "deployed", "e")]), (vec![], "chart or values changed"));
    assert_eq!(deploys(vec![originals(1, "deployed")]), (vec![], "chart or values changed"));
    assert_eq!(deploys(vec![revision(1, "failed", "d")]), (vec![], "the last deployment failed"));
    for pending in ["pending-install", "pending-upgrade", "pending-rollback", "uninstalling"] {
        let revisions = vec![revision(10, pending, "d"), revision(9, "deployed", "d")];
        assert_eq!(deploys(revisions), (vec!["v10".to_owned()], "the last deployment was interrupted"));
    }
}

#[test]
fn what_was_refused_is_taken_back_once_and_not_tried_again() {
    let good = || proven(revision(1, "superseded", "a"));
    let bad = |status| refused(revision(2, status, "d"));
    let back = |interrupted: &[&str]| Decision::RollBack {
        interrupted: interrupted.iter().map(|s| (*s).to_owned()).collect(),
        to: 1,
        refused: 2,
    };
    assert_eq!(decide(vec![good(), bad("deployed")], "d"), back(&[]));
    // Cut off in the middle.
    assert_eq!(
        decide(vec![good(), bad("deployed"), revision(3, "pending-rollback", "a")], "d"),
        back(&["v3"])
    );
    assert_eq!(decide(vec![good(), bad("superseded"), revision(3, "failed", "a")], "d"), back(&[]));
    // Done.
    let done = vec![good(), bad("superseded"), revision(3, "deployed", "a")];
    assert_eq!(decide(done.clone(), "d"), Decision::Stay { revision: 3, refused: 2 });
    // Something else is asked for, or the old again.
    assert!(matches!(decide(done.clone(), "e"), Decision::Deploy { .. }));
    assert_eq!(decide(done, "a"), Decision::Keep(3));
    // Back to what the original had deployed.
    assert_eq!(decide(vec![originals(1, "superseded"), bad("deployed")], "d"), back(&[]));
    // Helm keeps five, and the good one was older.
    assert_eq!(decide(vec![bad("deployed")], "d"), Decision::Keep(2));
}

#[test]
fn only_what_never_was_ready_may_be_refused() {
    let good = || proven(revision(1, "superseded", "a"));
    let number = |revisions| refusable(revisions).map(|r| r.number);
    assert_eq!(number(vec![revision(2, "deployed", "d"), good()]), Some(2));
    assert_eq!(number(vec![revision(2, "deployed", "d"), originals(1, "superseded")]), Some(2));
    for (what, revisions) in [
        ("it was ready once", vec![good(), proven(revision(2, "deployed", "d"))]),
        ("it is refused already", vec![good(), refused(revision(2, "deployed", "d"))]),
        ("it is the first", vec![revision(1, "deployed", "d")]),
        (
            "the one before was never ready either",
            vec![revision(1, "superseded", "a"), revision(2, "deployed", "d")],
        ),
        (
            "the one before is the same",
            vec![proven(revision(1, "superseded", "d")), revision(2, "deployed", "d")],
        ),
        ("it is the original's", vec![good(), originals(2, "deployed")]),
        ("it is not deployed", vec![good(), revision(2, "failed", "d")]),
        ("there is none", vec![]),
    ] {
        assert_eq!(number(revisions), None, "{what}");
    }
}

#[test]
fn labels_that_helm_did_not_write_are_no_revision() {
    assert_eq!(Revision::from_labels("x".into(), &BTreeMap::new()), None);
}

#[test]
fn a_mark_that_was_handed_on_is_about_another_revision() {
    let labels = |mark: &str| {
        let pairs = [("version", "3"), ("status", "deployed"), (PROVEN_LABEL, mark), (REFUSED_LABEL, mark)];
        Revision::from_labels("x".into(), &pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into()).unwrap()
    };
    assert!(labels("3").proven && labels("3").refused);
    assert!(!labels("2").proven && !labels("2").refused);
}
