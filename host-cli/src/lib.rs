//! The host side of an OpenShell gateway: which Docker container exists, and nothing inside it.
//!
//! A command observes Docker ([`docker::observe`]), decides without any effect ([`plan`]), acts
//! ([`docker`]) and then asks the container's PID 1 how it is ([`follow`]). Everything that makes the
//! cluster itself happens inside the container at each of its starts, so a Docker restart needs
//! nobody here. The only files kept are those that clients read ([`files`]).

pub mod cli;
pub mod commands;
mod digest;
pub mod docker;
pub mod error;
pub mod exit;
pub mod files;
pub mod follow;
pub mod generated;
pub mod machine;
pub mod name;
pub mod plan;
pub mod settings;
pub mod ui;
