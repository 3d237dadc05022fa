//! Defects on demand, for tests: only builds with the feature `fault-injection` have them.
//!
//! A fault is `panic:POINT`, `block:POINT` (for ever) or `exit:POINT` (as if killed there). The variable
//! `OPENSHELL_FAULT` has one for each time that the point is reached; the file `fault` of the volume has one that
//! strikes once. A stage has the points `STAGE:begin` and `STAGE:end`. The file `clock` of the volume says by how
//! many seconds process 1 takes the time wrongly.

use crate::stage::Stage;

/// Fails here if it was asked for.
#[cfg(feature = "fault-injection")]
pub fn point(name: &str) {
    let asked = std::env::var("OPENSHELL_FAULT").unwrap_or_default();
    strike(&asked, name);
    let file = injected::file("fault");
    let Ok(once) = std::fs::read_to_string(&file) else { return };
    if once.trim().split_once(':').is_some_and(|(_, at)| at == name) {
        // It is not asked for again by the process that comes after this one.
        std::fs::remove_file(&file).expect("the fault is removed");
        strike(once.trim(), name);
    }
}

#[cfg(feature = "fault-injection")]
#[expect(clippy::disallowed_methods, reason = "no destructor shall run: that is the fault")]
fn strike(asked: &str, name: &str) {
    match asked.split_once(':') {
        Some(("panic", at)) if at == name => panic!("asked for by a test"),
        Some(("exit", at)) if at == name => std::process::exit(99),
        Some(("block", at)) if at == name => loop {
            std::thread::park();
        },
        _ => {}
    }
}

/// Nothing, in a build for use.
#[cfg(not(feature = "fault-injection"))]
pub const fn point(_name: &str) {}

/// A point at the beginning or end of a stage.
#[cfg(feature = "fault-injection")]
pub fn edge(stage: Stage, edge: &str) {
    point(&format!("{}:{edge}", stage.name()));
}

/// Nothing, in a build for use.
#[cfg(not(feature = "fault-injection"))]
pub const fn edge(_stage: Stage, _edge: &str) {}

#[cfg(feature = "fault-injection")]
pub use injected::now;

/// The time.
#[cfg(not(feature = "fault-injection"))]
pub fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

#[cfg(feature = "fault-injection")]
mod injected {
    use openshell_contract::names::path;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, SystemTime};

    pub fn file(name: &str) -> PathBuf {
        Path::new(path::STATE).join(name)
    }

    /// The time, as wrong as it was asked for.
    pub fn now() -> SystemTime {
        let text = std::fs::read_to_string(file("clock")).unwrap_or_default();
        let seconds: i64 = text.trim().parse().unwrap_or(0);
        let by = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }
}
