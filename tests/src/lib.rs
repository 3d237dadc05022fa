//! What the end-to-end tests work with: a gateway of their own, driven the way a person drives it, by the
//! `openshell` and `docker` commands.
//!
//! Inputs, with defaults that fit `scripts/test`:
//! - `OPENSHELL_BIN`: the host command (`target/release/openshell`)
//! - `OPENSHELL_CLUSTER_IMAGE`: the cluster image (`openshell/cluster:dev`)
//! - `OPENSHELL_CHECK_IMAGE`: an image whose program can ask a gRPC server for its health
//!   (`openshell-test/gateway:dev`)

pub mod client;
pub mod command;
pub mod daemon;
pub mod disk;
pub mod gateway;
pub mod original;
pub mod proxy;
pub mod registry;
pub mod sandbox;
pub mod snapshot;
pub mod variant;

pub use client::Client;
pub use command::{Output, docker, measured, not_shown, run};
pub use gateway::{Gateway, condition};
pub use variant::Variant;

/// Longest time that a gateway may take to be ready. Far above the real figure: it separates slow from
/// never.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_mins(3);
