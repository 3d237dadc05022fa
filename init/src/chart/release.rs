//! What Helm's own records say of the release: pure.
//!
//! Helm keeps each revision in a Secret `sh.helm.release.v1.NAME.vN` with labels `name`, `owner=helm`,
//! `status` and `version` (Helm `pkg/storage/driver/secrets.go`). PID 1 is the only one who runs Helm, so
//! a revision that is pending when it looks was interrupted.
//!
//! Our marks are labels too, since Helm keeps those and drops annotations when it writes a Secret again. It also
//! hands them on to the next revision, so a mark says the number of the revision that it is about.

use openshell_contract::names::cluster::{DIGEST_LABEL, PROVEN_LABEL, REFUSED_LABEL};
use std::collections::BTreeMap;

/// One revision of the release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// Name of its Secret.
    pub secret: String,
    /// Its number.
    pub number: u32,
    /// Helm's word for its state.
    pub status: String,
    /// Digest of chart and values, if we deployed it.
    pub digest: Option<String>,
    /// Whether the gateway was ready with it.
    pub proven: bool,
    /// Whether it was taken back, since the gateway could not become ready with it.
    pub refused: bool,
}

impl Revision {
    /// Reads a revision from the labels of its Secret.
    pub fn from_labels(secret: String, labels: &BTreeMap<String, String>) -> Option<Self> {
        let version = labels.get("version")?;
        let is_marked = |mark| labels.get(mark) == Some(version);
        Some(Self {
            secret,
            number: version.parse().ok()?,
            status: labels.get("status")?.clone(),
            digest: labels.get(DIGEST_LABEL).cloned(),
            proven: is_marked(PROVEN_LABEL),
            refused: is_marked(REFUSED_LABEL),
        })
    }

    fn is_interrupted(&self) -> bool {
        self.status.starts_with("pending-") || self.status == "uninstalling"
    }

    /// Whether the gateway was ready with it, as far as anybody can know: the original marks nothing.
    fn is_good(&self) -> bool {
        !self.refused && (self.proven || self.digest.is_none())
    }
}

/// What to do about the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This revision is deployed and is what is wanted.
    Keep(u32),
    /// This revision is deployed; what is wanted was tried and taken back.
    Stay {
        /// What is deployed.
        revision: u32,
        /// What was taken back.
        refused: u32,
    },
    /// Take a revision back that the gateway can't become ready with.
    RollBack {
        /// Secrets to delete first, as for [`Self::Deploy`].
        interrupted: Vec<String>,
        /// What to go back to.
        to: u32,
        /// What is taken back.
        refused: u32,
    },
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
    let interrupted: Vec<_> =
        revisions.iter().filter(|r| r.is_interrupted()).map(|r| r.secret.clone()).collect();
    let is_wanted = |r: &Revision| r.digest.as_deref() == Some(digest);
    if let Some(refused) = revisions.iter().rev().find(|r| r.refused && is_wanted(r)) {
        let whole = revisions.iter().rev().find(|r| !r.is_interrupted());
        if let Some(last) =
            whole.filter(|r| r.status == "deployed" && !is_wanted(r) && interrupted.is_empty())
        {
            return Decision::Stay { revision: last.number, refused: refused.number };
        }
        if let Some(good) =
            revisions.iter().rev().find(|r| r.is_good() && !is_wanted(r) && !r.is_interrupted())
        {
            return Decision::RollBack { interrupted, to: good.number, refused: refused.number };
        }
        // Nothing is left to go back to: it is as good as any.
    }
    let why = match revisions.last() {
        None => "first deployment",
        Some(last) if last.is_interrupted() => "the last deployment was interrupted",
        Some(last) if last.status != "deployed" => "the last deployment failed",
        Some(last) if !is_wanted(last) => "chart or values changed",
        Some(last) if interrupted.is_empty() => return Decision::Keep(last.number),
        Some(_) => "an earlier deployment was interrupted",
    };
    Decision::Deploy { interrupted, why }
}

/// The revision that may be taken back when the gateway can't become ready: the one that is deployed, if it
/// is ours and never was ready, and there is one to go back to.
pub fn refusable(mut revisions: Vec<Revision>) -> Option<Revision> {
    revisions.sort_by_key(|r| r.number);
    let last = revisions.last().filter(|r| r.status == "deployed" && !r.proven && !r.refused)?;
    let digest = last.digest.as_ref()?;
    let other = |r: &Revision| r.is_good() && r.digest.as_ref() != Some(digest) && !r.is_interrupted();
    revisions.iter().any(other).then(|| last.clone())
}

#[cfg(test)]
mod tests;
