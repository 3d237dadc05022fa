//! How long the recoveries took, by kind of fault.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The recoveries.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<String, Vec<Duration>>);

impl Tally {
    /// Counts one.
    pub(crate) fn add(&mut self, kind: &str, took: Duration) {
        self.0.entry(kind.to_owned()).or_default().push(took);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| fault | rounds | median s | longest s |\n|---|---|---|---|")?;
        for (kind, times) in &self.0 {
            let mut times = times.clone();
            times.sort_unstable();
            let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
            writeln!(
                f,
                "| {kind} | {} | {:.1} | {:.1} |",
                times.len(),
                median.as_secs_f64(),
                longest.as_secs_f64()
            )?;
        }
        Ok(())
    }
}
