//! What to do about the certificates: pure, and each outcome with its reason.
//!
//! | CA | leaves and bundles | decision |
//! |---|---|---|
//! | usable, with key | all verify | keep |
//! | usable, with key | some don't | issue those again under it; clients go on |
//! | usable, past two thirds of its time | the gateway's leaf is a day old or more | new CA beside it |
//! | missing or damaged, and in memory | | restore it |
//! | no key, or damaged | all verify (an original gateway) | keep; nothing can be renewed |
//! | no key, or damaged | some don't | new CA, beside the one that clients trust if that is usable |
//! | not begun | all verify but for the time | keep: the clock went back |
//! | not begun, or ended | something has to be issued | refuse: the clock may be wrong |
//!
//! What was asked for, leaves or a new CA, is done in the same way; [`super::trust`] tells how long the
//! previous CA goes on. Whatever has to be issued, a clock before [`EARLIEST`] is not trusted with it.

use super::material::{Ca, Observed, Pair};
use super::trust::{Trust, is_usable};
use super::x509::{Certificate, Flaw, Role};
use time::{Duration, OffsetDateTime};

/// 2026-01-01: no clock is right that shows an earlier time.
pub const EARLIEST: i64 = 1_767_225_600;
/// A CA is replaced for its age only beside a leaf of this age: a clock that has just jumped ahead makes
/// new leaves, which does no harm, and is likely to be mended before it costs a CA.
const STEADY: Duration = Duration::days(1);

/// What a person asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// New leaves under the present CA.
    Leaves,
    /// A new CA beside the present one.
    Ca,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Everything verifies, as far as the note goes.
    Keep(Note),
    /// Issue again what has a flaw.
    Issue(Box<Issue>),
    /// Write the CA again that this process saw.
    RestoreCa(Flaw),
    /// Make a new CA, and trust these beside it.
    NewCa(Flaw, Vec<Certificate>),
    /// Change nothing, and say so.
    Refuse(Refusal),
}

/// What to know about something that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Nothing.
    Fine,
    /// Nothing can be renewed without the CA's key.
    NoCaKey,
    /// The CA's time has not begun.
    ClockBehind,
}

/// What has which flaw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issue {
    /// The gateway's leaf.
    pub server: Option<Flaw>,
    /// The clients' leaf.
    pub client: Option<Flaw>,
    /// The bundle that the gateway trusts.
    pub client_ca: Option<Flaw>,
    /// The bundle beside the clients' leaf.
    pub client_trust: Option<Flaw>,
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// See [`EARLIEST`].
    #[error("certificates have to be made, and the clock shows a time before 2026")]
    ClockBehind,
    /// The CA begins in the future.
    #[error(
        "certificates have to be made, and the CA's time has not begun: the clock is behind now, or was ahead \
         when the CA was made"
    )]
    CaNotYetValid,
    /// The CA's time has ended: or the clock jumped ahead, and a new CA would cut off every client.
    #[error("the CA's time has ended, if the clock is right")]
    CaExpired,
    /// Leaves were asked for.
    #[error("the CA has no key: ask for a new CA first")]
    NoCaKey,
    /// A CA was asked for before the last one came into use.
    #[error("certificates of the previous CA are still in use: ask for new leaves first")]
    Overlapping,
}

/// Decides about `observed`, for a gateway that is reached by `names`, at `now`. `known` is the CA that
/// this process last saw.
pub fn decide(
    observed: &Observed,
    known: Option<&Ca>,
    names: &[String],
    now: OffsetDateTime,
    asked: Option<Request>,
) -> Decision {
    let decision = match check_ca(observed.ca.as_ref()) {
        Ok(ca) => under(&ca, observed, names, now, asked),
        Err(flaw) if known.is_some_and(|known| is_still_meant(known, observed)) => Decision::RestoreCa(flaw),
        Err(flaw) => without_key(flaw, observed, names, now, asked),
    };
    let issues = matches!(decision, Decision::Issue(_) | Decision::NewCa(..));
    if issues && now.unix_timestamp() < EARLIEST {
        return Decision::Refuse(Refusal::ClockBehind);
    }
    decision
}

fn check_ca(ca: Option<&Ca>) -> Result<Certificate, Flaw> {
    let pair = &ca.ok_or(Flaw::Missing)?.pair;
    let ca = Certificate::from_pem(&pair.certificate).ok_or(Flaw::Unparsable)?;
    ca.check_key(&pair.key)?;
    ca.check_ca()?;
    Ok(ca)
}

/// Whether nobody has put another CA in the place of `known` meanwhile.
fn is_still_meant(known: &Ca, observed: &Observed) -> bool {
    let trusted = trusted(observed);
    check_ca(Some(known)).is_ok_and(|ca| trusted.is_empty() || trusted.contains(&ca))
}

fn under(
    ca: &Certificate,
    observed: &Observed,
    names: &[String],
    now: OffsetDateTime,
    asked: Option<Request>,
) -> Decision {
    let previous = observed.ca.as_ref().map(Ca::previous).unwrap_or_default();
    let trust = Trust::new(ca.clone(), &previous, now);
    let mut issue = Issue {
        server: check_leaf(observed.server.as_ref(), &trust, Role::Server, names, now).err(),
        client: check_leaf(observed.client.as_ref(), &trust, Role::Client, &[], now).err(),
        client_ca: trust.check_bundle(observed.client_ca.as_ref()).err(),
        client_trust: trust.check_bundle(observed.client_trust.as_ref()).err(),
    };
    let age = ca.check_time(now);
    if age == Err(Flaw::NotYetValid) {
        let is_late = |flaw: Option<Flaw>| flaw.filter(|flaw| *flaw != Flaw::NotYetValid);
        issue.server = is_late(issue.server);
        issue.client = is_late(issue.client);
    }
    match (asked, age) {
        (Some(Request::Ca), _) if uses_previous(observed, &trust) => Decision::Refuse(Refusal::Overlapping),
        (Some(Request::Ca), _) => Decision::NewCa(Flaw::Requested, usable([ca.clone()], now)),
        (_, Err(Flaw::Expired)) => Decision::Refuse(Refusal::CaExpired),
        (None, Err(Flaw::NotYetValid)) if issue == Issue::default() => Decision::Keep(Note::ClockBehind),
        (_, Err(Flaw::NotYetValid)) => Decision::Refuse(Refusal::CaNotYetValid),
        (Some(Request::Leaves), _) => {
            let requested = Some(Flaw::Requested);
            Decision::Issue(Box::new(Issue { server: requested.clone(), client: requested, ..issue }))
        }
        (None, _) if issue != Issue::default() => Decision::Issue(Box::new(issue)),
        (None, Err(due)) if is_steady(observed, now) => Decision::NewCa(due, vec![ca.clone()]),
        (None, _) => Decision::Keep(Note::Fine),
    }
}

/// The CA can't sign: whoever trusts it goes on as long as everything verifies.
fn without_key(
    flaw: Flaw,
    observed: &Observed,
    names: &[String],
    now: OffsetDateTime,
    asked: Option<Request>,
) -> Decision {
    let is_fine = check_adopted(observed, names, now).is_ok();
    match asked {
        Some(Request::Leaves) => Decision::Refuse(Refusal::NoCaKey),
        None if is_fine => Decision::Keep(Note::NoCaKey),
        _ => {
            let flaw = if is_fine { Flaw::Requested } else { flaw };
            Decision::NewCa(flaw, usable(trusted(observed), now))
        }
    }
}

/// Whether clients can verify the gateway, and the gateway its clients, by the bundles that they have.
fn check_adopted(observed: &Observed, names: &[String], now: OffsetDateTime) -> Result<(), Flaw> {
    let sides = [
        (observed.server.as_ref(), observed.client_trust.as_ref(), Role::Server, names),
        (observed.client.as_ref(), observed.client_ca.as_ref(), Role::Client, &[]),
    ];
    for (leaf, bundle, role, names) in sides {
        let cas = Certificate::all_from_pem(bundle.ok_or(Flaw::Missing)?).ok_or(Flaw::Unparsable)?;
        let checks = cas.into_iter().filter(|ca| is_usable(ca, now)).map(|ca| {
            let trust = Trust::new(ca, &[], now);
            check_leaf(leaf, &trust, role, names, now)
        });
        checks.reduce(Result::or).unwrap_or(Err(Flaw::ChainBroken))?;
    }
    Ok(())
}

fn check_leaf(
    pair: Option<&Pair>,
    trust: &Trust,
    role: Role,
    names: &[String],
    now: OffsetDateTime,
) -> Result<(), Flaw> {
    let pair = pair.ok_or(Flaw::Missing)?;
    let leaf = Certificate::from_pem(&pair.certificate).ok_or(Flaw::Unparsable)?;
    leaf.check_key(&pair.key)?;
    trust.check_leaf(&leaf, role)?;
    match leaf.check_time(now) {
        // Its successor would be of a CA that clients may not know yet.
        Err(Flaw::RenewalDue) if trust.is_of_previous(&leaf) => {}
        other => other?,
    }
    leaf.check_names(names)
}

/// Every CA that anybody was told to trust, each once.
fn trusted(observed: &Observed) -> Vec<Certificate> {
    let own = observed.ca.as_ref().map(|ca| &ca.pair.certificate);
    let mut all = Vec::new();
    for bundle in [observed.client_trust.as_ref(), observed.client_ca.as_ref(), own].into_iter().flatten() {
        for ca in Certificate::all_from_pem(bundle).unwrap_or_default() {
            if !all.contains(&ca) {
                all.push(ca);
            }
        }
    }
    all
}

fn usable(cas: impl IntoIterator<Item = Certificate>, now: OffsetDateTime) -> Vec<Certificate> {
    cas.into_iter().filter(|ca| is_usable(ca, now)).collect()
}

fn leaves(observed: &Observed) -> impl Iterator<Item = Certificate> {
    let pairs = [observed.server.as_ref(), observed.client.as_ref()];
    pairs.into_iter().flatten().filter_map(|pair| Certificate::from_pem(&pair.certificate))
}

fn uses_previous(observed: &Observed, trust: &Trust) -> bool {
    leaves(observed).any(|leaf| trust.is_of_previous(&leaf))
}

fn is_steady(observed: &Observed, now: OffsetDateTime) -> bool {
    let since = now.unix_timestamp() - STEADY.whole_seconds();
    leaves(observed).all(|leaf| leaf.validity.0 <= since)
}

#[cfg(test)]
mod tests;
