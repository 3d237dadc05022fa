//! What was measured, for people and for programs.

use crate::samples::{Samples, Summary};
use crate::{BARE, CONTENDERS, GATEWAY};
use serde_json::{Value, json};
use std::fmt::Write;

/// The contenders side by side, as lines of Markdown.
pub fn table(samples: &Samples) -> String {
    let mut text =
        format!("| seconds, median (least–most) | {} | gateway ÷ bare |\n", CONTENDERS.join(" | "));
    // Writing to a string can't fail.
    let _ = writeln!(text, "|{}", "---|".repeat(CONTENDERS.len() + 2));
    for measure in samples.measures() {
        let of = |contender| samples.summary(measure, contender);
        let cells: Vec<_> = CONTENDERS.into_iter().map(|c| of(c).map_or("–".to_owned(), cell)).collect();
        let ratio = of(GATEWAY)
            .zip(of(BARE))
            .map_or("–".to_owned(), |(ours, bare)| format!("{:.2}", ours.median / bare.median));
        let _ = writeln!(text, "| {} | {} | {ratio} |", measure.title(), cells.join(" | "));
    }
    text
}

/// Three digits, since a health check takes milliseconds and a start seconds.
fn cell(s: Summary) -> String {
    let digits = if s.median < 0.1 { 4 } else { 2 };
    format!("{:.digits$} ({:.digits$}–{:.digits$})", s.median, s.least, s.most)
}

/// Every value that was measured.
pub fn json(samples: &Samples) -> Value {
    let of = |measure| {
        let values = CONTENDERS.into_iter().map(|c| (c.to_owned(), json!(samples.values(measure, c))));
        json!({"measure": measure, "seconds": values.collect::<serde_json::Map<_, _>>()})
    };
    Value::Array(samples.measures().into_iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Measure;

    #[test]
    fn what_a_contender_lacks_is_a_dash() {
        let mut samples = Samples::default();
        for (contender, seconds) in [(GATEWAY, 3.0), (BARE, 4.0)] {
            samples.add(Measure::Resume, contender, seconds);
        }
        samples.add(Measure::Health, GATEWAY, 0.002);
        let table = table(&samples);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines[2],
            "| `docker start`, until it serves | 3.00 (3.00–3.00) | 4.00 (4.00–4.00) | – | 0.75 |"
        );
        assert_eq!(lines[3], "| one health check | 0.0020 (0.0020–0.0020) | – | – | – |");
        assert_eq!(
            json(&samples)[0],
            json!({"measure": "resume", "seconds": {"gateway": [3.0], "bare node": [4.0], "shell script": []}})
        );
    }
}
