//! Test fixture: the parts of the reference gateway (`openshell-server`) and of its sandbox counterpart
//! (`openshell-sandbox`).
//!
//! Decisions ([`nssh1`], [`settings`]) are pure; the other modules hold the effects: sockets, files and
//! `SQLite`.

pub mod check;
pub mod cli;
pub mod dial;
pub mod grpc;
pub mod http;
pub mod logs;
pub mod nssh1;
pub mod replay;
pub mod sandbox;
pub mod secret;
pub mod serve;
pub mod settings;
pub mod store;
