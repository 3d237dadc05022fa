//! What the parts of an OpenShell gateway agree on.
//!
//! PID 1 (`openshell-init`), the host command (`openshell`), the image, the chart and the tests all
//! use these names and types; nothing here does I/O, so every part can depend on it.
//!
//! - [`names`]: objects in the cluster, files in the container, things on the host
//! - [`settings`]: the typed configuration and how its layers merge
//! - [`status`]: the one document that says how a gateway is
//! - [`condition`]: what has to hold, and whether it does
//! - [`reason`]: why something is not as it should be, with the remedy
//! - [`exit`]: exit codes of PID 1

pub mod condition;
pub mod exit;
pub mod names;
pub mod reason;
pub mod settings;
pub mod status;
