//! The Kubernetes API, as process 1 uses it.

mod client;
mod secret;

pub use client::{ApiContext, is_conflict, wait_ready};
pub use secret::{Key, KubeSecret, read, write};
