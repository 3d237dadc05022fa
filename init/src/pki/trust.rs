//! Which CAs count: the present one and, for a while after a change, those before it.
//!
//! A new CA is published before it signs anything that others have to verify. The moment at which it was
//! made is its own begin:
//!
//! | since then | leaves of the previous CA | the previous CA in the bundles |
//! |---|---|---|
//! | up to [`SETTLE`] | go on | yes |
//! | up to [`LEAF_LIFE`] | are issued again under the present one | yes: clients may still hold such a leaf |
//! | later | no leaf needs it | no |

use super::issue::LEAF_LIFE;
use super::x509::{Certificate, Flaw, Role};
use time::{Duration, OffsetDateTime};

/// How long clients have to take up a new CA before the gateway's leaf is one of it.
pub const SETTLE: Duration = Duration::days(30);

/// The CAs that count at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The one that signs.
    pub current: Certificate,
    /// Those before it that are still needed.
    pub previous: Vec<Certificate>,
    settled: bool,
}

impl Trust {
    /// The trust in `current` and, as far as it is still needed at `now`, in `previous`.
    pub fn new(current: Certificate, previous: &[Certificate], now: OffsetDateTime) -> Self {
        let age = now.unix_timestamp() - current.validity.0;
        let is_over = age >= LEAF_LIFE.whole_seconds();
        let needed = |ca: &&Certificate| !is_over && **ca != current && is_usable(ca, now);
        Self {
            previous: previous.iter().filter(needed).cloned().collect(),
            settled: age >= SETTLE.whole_seconds(),
            current,
        }
    }

    /// Every CA, the present one first.
    pub fn all(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// The bundle that holds all of them, as PEM.
    pub fn bundle(&self) -> String {
        self.all().map(Certificate::to_pem).collect()
    }

    /// When the previous CAs go, seconds since the Unix epoch; `None` when there are none.
    pub fn previous_until(&self) -> Option<i64> {
        (!self.previous.is_empty()).then(|| self.current.validity.0 + LEAF_LIFE.whole_seconds())
    }

    /// Whether one of the CAs signed `leaf` for `role`, and may still be the one that did.
    pub fn check_leaf(&self, leaf: &Certificate, role: Role) -> Result<(), Flaw> {
        if !leaf.is_signed_by(&self.current) {
            match self.is_of_previous(leaf) {
                true if self.settled => return Err(Flaw::Superseded),
                true => {}
                false => return Err(Flaw::ChainBroken),
            }
        }
        leaf.check_usage(role)
    }

    /// Whether one of the previous CAs signed `leaf`.
    pub fn is_of_previous(&self, leaf: &Certificate) -> bool {
        self.previous.iter().any(|ca| leaf.is_signed_by(ca))
    }

    /// Whether `bundle` holds just these CAs, in whatever order.
    pub fn check_bundle(&self, bundle: Option<&String>) -> Result<(), Flaw> {
        let found = Certificate::all_from_pem(bundle.ok_or(Flaw::Missing)?).ok_or(Flaw::Unparsable)?;
        let is_right = found.len() == self.all().count() && self.all().all(|ca| found.contains(ca));
        if is_right { Ok(()) } else { Err(Flaw::WrongBundle) }
    }
}

/// Whether `ca` is a CA whose time has not ended.
pub fn is_usable(ca: &Certificate, now: OffsetDateTime) -> bool {
    ca.check_ca().is_ok() && ca.check_time(now) != Err(Flaw::Expired)
}
