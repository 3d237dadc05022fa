//! Defects on demand, for tests: only builds with the feature `fault-injection` have them.

/// Fails here if `OPENSHELL_FAULT` says so: `panic:NAME`, or `block:NAME` for ever.
#[cfg(feature = "fault-injection")]
pub fn point(name: &str) {
    let wanted = std::env::var("OPENSHELL_FAULT").unwrap_or_default();
    match wanted.split_once(':') {
        Some(("panic", at)) if at == name => panic!("asked for by OPENSHELL_FAULT"),
        Some(("block", at)) if at == name => loop {
            std::thread::park();
        },
        _ => {}
    }
}

/// Nothing, in a build for use.
#[cfg(not(feature = "fault-injection"))]
pub const fn point(_name: &str) {}
