//! What was measured, and how it is summed up.

use serde::Serialize;
use std::collections::BTreeMap;

/// A kind of measurement. Their order is that of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// From nothing to a gateway that serves.
    First,
    /// From `docker start` of a stopped node to a gateway that serves.
    Resume,
    /// What a person types to bring a stopped gateway back, until it returns.
    Command,
    /// From the first answer of the gateway's own certificate until that command returns.
    Tail,
    /// What process 1 itself does after the API is ready, when nothing has changed.
    Work,
    /// `docker stop` of a gateway that serves.
    Stop,
    /// One run of the health check, in the container.
    Health,
}

impl Measure {
    /// In the table's first column.
    pub fn title(self) -> &'static str {
        match self {
            Self::First => "first start, until it serves",
            Self::Resume => "`docker start`, until it serves",
            Self::Command => "the host's command on a stopped gateway, until it returns",
            Self::Tail => "what that takes after the gateway serves",
            Self::Work => "process 1's own work after `/readyz`, when nothing has changed",
            Self::Stop => "`docker stop`",
            Self::Health => "one health check",
        }
    }
}

/// Seconds of each kind for each contender.
#[derive(Debug, Default)]
pub struct Samples(BTreeMap<(Measure, &'static str), Vec<f64>>);

/// Median and spread of one series.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Half of the values are below it.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Samples {
    /// Keeps one value.
    pub fn add(&mut self, measure: Measure, contender: &'static str, seconds: f64) {
        self.0.entry((measure, contender)).or_default().push(seconds);
    }

    /// What was measured at all.
    pub fn measures(&self) -> Vec<Measure> {
        let mut all: Vec<_> = self.0.keys().map(|(measure, _)| *measure).collect();
        all.dedup();
        all
    }

    /// The series of a contender, summed up; `None` if it has none.
    pub fn summary(&self, measure: Measure, contender: &'static str) -> Option<Summary> {
        self.0.get(&(measure, contender)).and_then(|values| summarize(values))
    }

    /// All values, for programs.
    pub fn values(&self, measure: Measure, contender: &'static str) -> &[f64] {
        self.0.get(&(measure, contender)).map_or(&[], Vec::as_slice)
    }
}

fn summarize(values: &[f64]) -> Option<Summary> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let median = match sorted.len() {
        0 => return None,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    };
    Some(Summary { median, least: sorted[0], most: sorted[sorted.len() - 1] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(summarize(&[]), None);
        assert_eq!(summarize(&[3.0, 1.0, 2.0]), Some(Summary { median: 2.0, least: 1.0, most: 3.0 }));
        assert_eq!(summarize(&[4.0, 1.0, 2.0, 3.0]), Some(Summary { median: 2.5, least: 1.0, most: 4.0 }));
    }

    #[test]
    fn the_table_has_the_order_of_the_kinds() {
        let mut samples = Samples::default();
        samples.add(Measure::Stop, "a", 1.0);
        samples.add(Measure::First, "b", 1.0);
        samples.add(Measure::First, "a", 1.0);
        assert_eq!(samples.measures(), [Measure::First, Measure::Stop]);
    }
}
