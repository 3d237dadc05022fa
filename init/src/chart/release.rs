//! What Helm's own records say of the release: pure.
//!
//! Helm keeps each revision in a Secret `sh.helm.release.v1.NAME.vN` with labels `name`, `owner=helm`,
//! `status` and `version` (Helm `pkg/storage/driver/secrets.go`). PID 1 is the only one who runs Helm, so
//! a revision that is pending when it looks was interrupted.

use openshell_contract::names::cluster::DIGEST_LABEL;
use std::collections::BTreeMap;

/// One revision of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Name of its Secret.
    pub secret: String,
    /// Its number.
    pub number: u32,
    /// Helm's word for its state.
    pub status: String,
    /// Digest of chart and values, if we deployed it.
    pub digest: Option<String>,
}

impl Revision {
    /// Reads a revision from the labels of its Secret.
    pub fn from_labels(secret: String, labels: &BTreeMap<String, String>) -> Option<Self> {
        Some(Self {
            secret,
            number: labels.get("version")?.parse().ok()?,
            status: labels.get("status")?.clone(),
            digest: labels.get(DIGEST_LABEL).cloned(),
        })
    }
}

/// What to do about the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This revision is deployed and is what is wanted.
    Keep(u32),
    /// Deploy, after forgetting these revisions: they were interrupted, and Helm refuses to go on beside
    /// them. What they had changed already is taken up by the next one.
    Deploy {
        /// Secrets to delete first.
        interrupted: Vec<String>,
        /// Why.
        why: &'static str,
    },
}

/// Decides about `revisions`, for a chart and values with `digest`.
pub fn decide(mut revisions: Vec<Revision>, digest: &str) -> Decision {
    revisions.sort_by_key(|r| r.number);
    let is_interrupted = |r: &Revision| r.status.starts_with("pending-") || r.status == "uninstalling";
    let interrupted: Vec<_> =
        revisions.iter().filter(|r| is_interrupted(r)).map(|r| r.secret.clone()).collect();
    let why = match revisions.last() {
        None => "first deployment",
        Some(last) if is_interrupted(last) => "the last deployment was interrupted",
        Some(last) if last.status != "deployed" => "the last deployment failed",
        Some(last) if last.digest.as_deref() != Some(digest) => "chart or values changed",
        Some(last) if interrupted.is_empty() => return Decision::Keep(last.number),
        Some(_) => "an earlier deployment was interrupted",
    };
    Decision::Deploy { interrupted, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(number: u32, status: &str, digest: &str) -> Revision {
        Revision {
            secret: format!("v{number}"),
            number,
            status: status.to_owned(),
            digest: Some(digest.to_owned()),
        }
    }

    fn deploys(revisions: Vec<Revision>) -> (Vec<String>, &'static str) {
        match decide(revisions, "d") {
            Decision::Deploy { interrupted, why } => (interrupted, why),
            keep @ Decision::Keep(_) => panic!("{keep:?}"),
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
        assert_eq!(deploys(vec![revision(1, "failed", "d")]), (vec![], "the last deployment failed"));
        for pending in ["pending-install", "pending-upgrade", "pending-rollback", "uninstalling"] {
            let revisions = vec![revision(10, pending, "d"), revision(9, "deployed", "d")];
            assert_eq!(deploys(revisions), (vec!["v10".to_owned()], "the last deployment was interrupted"));
        }
    }

    #[test]
    fn labels_that_helm_did_not_write_are_no_revision() {
        assert_eq!(Revision::from_labels("x".into(), &BTreeMap::new()), None);
    }
}
