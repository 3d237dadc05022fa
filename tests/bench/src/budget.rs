//! What the design allows (docs/performance.md).

use crate::samples::{Measure, Samples, Summary};
use crate::{BARE, GATEWAY};
use std::fmt::Write;

/// A limit on a median.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// In seconds.
    Seconds(f64),
    /// As a part of the bare node's.
    OfBare(f64),
}

/// The limits that this bench measures.
pub const BUDGETS: [(Measure, Limit); 8] = [
    (Measure::First, Limit::Seconds(8.0)),
    (Measure::First, Limit::OfBare(0.7)),
    (Measure::Resume, Limit::Seconds(4.5)),
    (Measure::Resume, Limit::OfBare(0.7)),
    (Measure::Tail, Limit::Seconds(0.3)),
    (Measure::Work, Limit::Seconds(0.15)),
    (Measure::Stop, Limit::Seconds(5.0)),
    (Measure::Health, Limit::Seconds(0.005)),
];

impl Limit {
    fn text(self) -> String {
        match self {
            Self::Seconds(s) => format!("≤ {s} s"),
            Self::OfBare(part) => format!("≤ {part} of the bare node"),
        }
    }

    /// Whether a median keeps it; `None` if there is nothing to compare with.
    fn kept(self, ours: Summary, bare: Option<Summary>) -> Option<bool> {
        match self {
            Self::Seconds(s) => Some(ours.median <= s),
            Self::OfBare(part) => bare.map(|bare| ours.median <= part * bare.median),
        }
    }
}

/// Each budget beside what was measured, as lines of Markdown.
pub fn table(samples: &Samples) -> String {
    let mut text = String::from("| budget | limit | measured | |\n|---|---|---|---|\n");
    for (measure, limit) in BUDGETS {
        let Some(ours) = samples.summary(measure, GATEWAY) else { continue };
        let verdict = match limit.kept(ours, samples.summary(measure, BARE)) {
            Some(true) => "kept",
            Some(false) => "**over**",
            None => "nothing to compare with",
        };
        // Writing to a string can't fail.
        let _ =
            writeln!(text, "| {} | {} | {:.3} s | {verdict} |", measure.title(), limit.text(), ours.median);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_kept_or_over() {
        let summary = |median| Summary { median, least: median, most: median };
        assert_eq!(Limit::Seconds(2.0).kept(summary(2.0), None), Some(true));
        assert_eq!(Limit::Seconds(2.0).kept(summary(2.1), None), Some(false));
        assert_eq!(Limit::OfBare(0.5).kept(summary(2.0), Some(summary(4.0))), Some(true));
        assert_eq!(Limit::OfBare(0.5).kept(summary(2.0), Some(summary(3.9))), Some(false));
        assert_eq!(Limit::OfBare(0.5).kept(summary(2.0), None), None);
    }
}
