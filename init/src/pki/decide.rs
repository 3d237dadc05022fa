//! What to do about the certificates: pure, and each outcome with its reason.
//!
//! | CA | leaves and trust | decision |
//! |---|---|---|
//! | usable, with key | all verify | keep |
//! | usable, with key | some don't | issue those again under the same CA; clients go on |
//! | no key (an original gateway) | all verify against the CA that clients trust | keep; nothing can be renewed |
//! | no key, or unusable | some don't verify | a new CA and everything under it |

use super::material::{Observed, Pair};
use super::x509::{Certificate, Flaw, Role};
use time::OffsetDateTime;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Everything verifies. Without the CA's key nothing can be renewed, which is worth a warning.
    Keep {
        /// Whether the CA's key is there.
        renewable: bool,
    },
    /// Issue again under the present CA what has a flaw.
    Reissue {
        /// Flaw of the gateway's leaf.
        server: Option<Flaw>,
        /// Flaw of the clients' leaf or of the CA certificate beside it.
        client: Option<Flaw>,
        /// Flaw of the bundle that the gateway trusts.
        client_ca: Option<Flaw>,
    },
    /// Make a new CA and everything under it.
    Generate(Flaw),
}

/// Decides about `observed`, for a gateway that is reached by `names`, at `now`.
pub fn decide(observed: &Observed, names: &[String], now: OffsetDateTime) -> Decision {
    let ca = match &observed.ca {
        Some(pair) => check_ca(pair, now),
        None => Err(Flaw::Missing),
    };
    match ca {
        Ok(ca) => decide_under(&ca, observed, names, now),
        Err(flaw) => match adopted(observed, names, now) {
            Ok(()) => Decision::Keep { renewable: false },
            Err(_) => Decision::Generate(flaw),
        },
    }
}

fn decide_under(ca: &Certificate, observed: &Observed, names: &[String], now: OffsetDateTime) -> Decision {
    let server = check_server(observed, ca, names, now).err();
    let client = check_client(observed, ca, now).err();
    let client_ca = check_trust(observed.client_ca.as_ref(), ca).err();
    if server.is_none() && client.is_none() && client_ca.is_none() {
        return Decision::Keep { renewable: true };
    }
    Decision::Reissue { server, client, client_ca }
}

/// Whether everything verifies against the CA certificate that the gateway trusts.
fn adopted(observed: &Observed, names: &[String], now: OffsetDateTime) -> Result<(), Flaw> {
    let ca = observed.client_ca.as_ref().ok_or(Flaw::Missing)?;
    let ca = Certificate::from_pem(ca).ok_or(Flaw::Unparsable)?;
    ca.check_ca()?;
    ca.check_time(now)?;
    check_server(observed, &ca, names, now)?;
    check_client(observed, &ca, now)
}

fn check_ca(pair: &Pair, now: OffsetDateTime) -> Result<Certificate, Flaw> {
    let ca = Certificate::from_pem(&pair.certificate).ok_or(Flaw::Unparsable)?;
    ca.check_key(&pair.key)?;
    ca.check_ca()?;
    match ca.check_time(now) {
        // Replacing a CA cuts off every client, so it serves to its end.
        Ok(()) | Err(Flaw::RenewalDue) => Ok(ca),
        Err(flaw) => Err(flaw),
    }
}

fn check_server(
    observed: &Observed,
    ca: &Certificate,
    names: &[String],
    now: OffsetDateTime,
) -> Result<(), Flaw> {
    check_leaf(observed.server.as_ref(), ca, Role::Server, now)?.check_names(names)
}

fn check_client(observed: &Observed, ca: &Certificate, now: OffsetDateTime) -> Result<(), Flaw> {
    check_leaf(observed.client.as_ref(), ca, Role::Client, now)?;
    check_trust(observed.client_trust.as_ref(), ca)
}

fn check_leaf(
    pair: Option<&Pair>,
    ca: &Certificate,
    role: Role,
    now: OffsetDateTime,
) -> Result<Certificate, Flaw> {
    let pair = pair.ok_or(Flaw::Missing)?;
    let leaf = Certificate::from_pem(&pair.certificate).ok_or(Flaw::Unparsable)?;
    leaf.check_key(&pair.key)?;
    leaf.check_leaf(ca, role)?;
    leaf.check_time(now)?;
    Ok(leaf)
}

/// Whether a bundle holds just the CA.
fn check_trust(bundle: Option<&String>, ca: &Certificate) -> Result<(), Flaw> {
    let bundle = Certificate::from_pem(bundle.ok_or(Flaw::Missing)?).ok_or(Flaw::Unparsable)?;
    if bundle == *ca { Ok(()) } else { Err(Flaw::ChainBroken) }
}

#[cfg(test)]
mod tests;
