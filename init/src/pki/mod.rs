//! The gateway's certificates: a CA of its own, a leaf for the gateway and one for its clients.
//!
//! [`decide`] looks at what is there and says what is wrong, first finding first; [`issue`] makes what is
//! missing; [`mod@reconcile`] reads, decides and writes.

mod decide;
mod issue;
mod material;
mod reconcile;
mod x509;

pub use reconcile::{ClientBundle, Outcome, reconcile};
