//! The whole of it against an API server that fails: whatever call fails in whatever way, and whether the
//! process goes on or dies of it, everything ends well.

mod faults;
mod handshake;
mod plaintext;
mod scenes;
mod sequences;
