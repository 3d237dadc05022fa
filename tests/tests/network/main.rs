//! The node's network: another address, names from a pod, who reaches whom, and nothing that leaves the node by
//! mistake.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod address;
mod capture;
mod dns;
mod names;
mod policy;
mod seal;
