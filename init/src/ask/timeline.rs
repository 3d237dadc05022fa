//! A start as a picture: when each stage began, and how long it took.

use openshell_contract::status::{StageStatus, Status};
use std::fmt::Write as _;

/// Columns of the text's bars.
const COLUMNS: u64 = 60;
/// Sizes in the SVG, in pixels: a row's height, the names' width, the bars' width.
const ROW: usize = 18;
const NAMES: u64 = 100;
const BARS: u64 = 600;

/// For a terminal.
pub fn text(status: &Status) -> String {
    let scale = Scale::of(status, COLUMNS);
    let mut text = format!("{:<12}  0 to {} ms\n", "stage", scale.end);
    for (stage, began, took) in begun(status) {
        let bar = "#".repeat(usize::try_from(scale.length(took)).unwrap_or_default());
        let before = " ".repeat(usize::try_from(scale.position(began)).unwrap_or_default());
        let _ = writeln!(text, "{:<12}  {before}{bar} {took} ms", stage.name);
    }
    text
}

/// A picture for a page (W3C SVG 1.1).
pub fn svg(status: &Status) -> String {
    let scale = Scale::of(status, BARS);
    let (width, height) = (NAMES + BARS + 80, ROW * (begun(status).count() + 1));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    for (row, (stage, began, took)) in begun(status).enumerate() {
        let (x, length, top) = (NAMES + scale.position(began), scale.length(took), ROW * row + 4);
        let (baseline, end) = (top + 11, x + length + 4);
        let _ = writeln!(
            svg,
            "<text x=\"4\" y=\"{baseline}\">{}</text>\
             <rect x=\"{x}\" y=\"{top}\" width=\"{length}\" height=\"12\" fill=\"#4a90d9\"/>\
             <text x=\"{end}\" y=\"{baseline}\">{took} ms</text>",
            stage.name
        );
    }
    svg + "</svg>\n"
}

/// Milliseconds to columns or pixels.
struct Scale {
    end: u64,
    width: u64,
}

impl Scale {
    fn of(status: &Status, width: u64) -> Self {
        let end = begun(status).map(|(_, began, took)| began + took).max();
        Self { end: end.unwrap_or_default().max(1), width }
    }

    const fn position(&self, ms: u64) -> u64 {
        ms * self.width / self.end
    }

    /// What took no time is to be seen as well.
    fn length(&self, ms: u64) -> u64 {
        self.position(ms).max(1)
    }
}

/// Stages that have ended, with their beginning and length.
fn begun(status: &Status) -> impl Iterator<Item = (&StageStatus, u64, u64)> {
    status.stages.iter().filter_map(|stage| Some((stage, stage.started_after_ms?, stage.took_ms?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        let stages = [("volume", Some(0), Some(5)), ("api", Some(100), Some(500)), ("chart", None, None)];
        let stage = |(name, started_after_ms, took_ms): (&str, _, _)| StageStatus {
            name: name.to_owned(),
            state: openshell_contract::status::StageState::Done,
            started_after_ms,
            took_ms,
            detail: String::new(),
        };
        Status { stages: stages.map(stage).into(), ..Status::default() }
    }

    #[test]
    fn bars_begin_and_end_where_the_stages_do() {
        let lines: Vec<_> = text(&status()).lines().map(str::to_owned).collect();
        assert_eq!(lines[1], format!("{:<12}  # 5 ms", "volume"));
        assert_eq!(lines[2], format!("{:<12}  {}{} 500 ms", "api", " ".repeat(10), "#".repeat(50)));
        assert_eq!(lines.len(), 3, "a stage that has not begun has no bar");
    }

    #[test]
    fn the_picture_has_a_bar_for_each_stage() {
        let svg = svg(&status());
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains("x=\"200\" y=\"22\" width=\"500\""), "{svg}");
    }

    #[test]
    fn a_start_that_has_just_begun_is_drawn() {
        assert_eq!(text(&Status::default()).lines().count(), 1);
        assert!(svg(&Status::default()).ends_with("</svg>\n"));
    }
}
