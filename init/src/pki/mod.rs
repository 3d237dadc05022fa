//! The gateway's certificates: a CA of its own, a leaf for the gateway and one for its clients.
//!
//! [`mod@decide`] looks at what is there and says what is wrong, first finding first; [`issue`] makes what is
//! missing; [`apply`] reads and writes. A start can be cut at any point: whatever was written, the next one
//! decides on what it finds and continues.

mod apply;
mod decide;
mod issue;
mod material;
mod outcome;
mod trust;
mod x509;

pub use decide::Request;
pub use outcome::{ClientBundle, Outcome};

use crate::failure::Failure;
use ::kube::Client;
use ::kube::api::Api;
use apply::Pass;
use decide::{Decision, Refusal, decide};
use material::Ca;
use openshell_contract::reason::Reason;
use time::OffsetDateTime;

/// A pass writes the CA at most twice, restored and replaced, before nothing is left but leaves.
const MAX_STEPS: usize = 4;

/// Keeps the certificates, and remembers the CA for as long as the process lives: what somebody deletes
/// or damages is put back.
#[derive(Default)]
pub struct Keeper {
    known: Option<Ca>,
}

impl Keeper {
    /// Makes sure that every certificate in `namespace` is there and verifies, for a gateway that is
    /// reached by `names`; and does what was `asked`.
    pub async fn ensure(
        &mut self,
        client: &Client,
        namespace: &str,
        names: &[String],
        now: OffsetDateTime,
        mut asked: Option<Request>,
    ) -> Result<Outcome, Failure> {
        let mut pass = Pass::read(Api::namespaced(client.clone(), namespace), names, now).await?;
        let mut done = Vec::new();
        let mut restored = false;
        for _ in 0..MAX_STEPS {
            let note = match decide(&pass.observed, self.known.as_ref(), names, now, asked) {
                Decision::Keep(note) => note,
                Decision::Issue(issue) => {
                    done.push(pass.issue(&issue).await?);
                    asked = None;
                    continue;
                }
                Decision::NewCa(flaw, previous) => {
                    done.push(pass.new_ca(&flaw, &previous).await?);
                    asked = None;
                    continue;
                }
                Decision::RestoreCa(flaw) => {
                    if let Some(ca) = self.known.clone() {
                        done.push(pass.restore_ca(&flaw, ca).await?);
                        restored = true;
                    }
                    continue;
                }
                Decision::Refuse(refusal) => return Err(refuse(refusal)),
            };
            self.known.clone_from(&pass.observed.ca);
            let outcome = outcome::outcome(&pass.observed, note, &done, now)?;
            return Ok(Outcome { restored, ..outcome });
        }
        Err(outcome::inconsistent("what was just made"))
    }
}

fn refuse(refusal: Refusal) -> Failure {
    let reason = match refusal {
        Refusal::ClockBehind | Refusal::CaNotYetValid | Refusal::CaExpired => Reason::ClockWrong,
        Refusal::NoCaKey | Refusal::Overlapping => Reason::Pki,
    };
    Failure::new(reason, refusal.to_string())
}
