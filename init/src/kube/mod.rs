//! The Kubernetes API, as process 1 uses it.

mod client;
mod delete;
#[cfg(test)]
pub mod fake;
mod follow;
mod secret;
mod write;

pub use client::{ApiContext, connect, is_conflict, is_missing, wait_ready, within};
pub use delete::delete;
pub use follow::{Metadata, Seen, Whole, follow};
pub use secret::{Key, KubeSecret, Owner, read};
pub use write::{Data, annotate, check_owner, write};
