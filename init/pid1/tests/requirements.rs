//! `REQUIREMENTS.md` can't rot: it has every row once, and every test that it names exists where it says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// How many requirements each group has.
const GROUPS: [(char, usize); 10] = [
    ('A', 11),
    ('B', 15),
    ('C', 15),
    ('D', 12),
    ('E', 10),
    ('F', 13),
    ('G', 11),
    ('H', 9),
    ('I', 14),
    ('J', 11),
];

/// A row: id, requirement, lane, evidence.
struct Row<'a> {
    id: &'a str,
    lane: &'a str,
    evidence: &'a str,
}

/// Reads a line of a table, if it is a requirement's.
fn row(line: &str) -> Option<Row<'_>> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let [id, _, at, evidence] = cells[..] else { return None };
    let (group, number) = id.split_at_checked(1)?;
    let is_id = group.bytes().all(|b| b.is_ascii_uppercase()) && number.parse::<usize>().is_ok();
    is_id.then_some(Row { id, lane: at, evidence })
}

/// Names in backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_row_is_there_once_and_shown_by_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let table = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("REQUIREMENTS.md")).unwrap();
    let lanes = fs::read_to_string(root.join("scripts/test")).unwrap();
    let rows: Vec<Row<'_>> = table.lines().filter_map(row).collect();

    let mut count = BTreeMap::new();
    for row in &rows {
        *count.entry(row.id.to_owned()).or_insert(0) += 1;
    }
    let wanted: BTreeMap<_, _> =
        GROUPS.iter().flat_map(|(group, n)| (1..=*n).map(move |i| (format!("{group}{i}"), 1))).collect();
    assert_eq!(count, wanted, "rows and how often each stands in the table");

    let mut wrong = Vec::new();
    for row in &rows {
        if ["n/a", "open"].contains(&row.lane) {
            if row.evidence.len() < 20 {
                wrong.push(format!("{}: not shown, without a reason", row.id));
            }
            continue;
        }
        for lane in row.lane.split(", ") {
            if !lanes.contains(&format!("lane_{lane}()")) {
                wrong.push(format!("{}: scripts/test has no lane {lane:?}", row.id));
            }
        }
        let tests: Vec<_> = quoted(row.evidence).filter(|name| name.contains("::")).collect();
        if tests.is_empty() {
            wrong.push(format!("{}: no test is named", row.id));
        }
        for test in tests {
            let (file, name) = test.split_once("::").unwrap();
            let text = fs::read_to_string(root.join(file)).unwrap_or_default();
            let definitions = [format!("fn {name}("), format!("func {name}("), format!("{name}()")];
            if !definitions.iter().any(|definition| text.contains(definition)) {
                wrong.push(format!("{}: {file} has no test {name}", row.id));
            }
        }
    }
    assert!(wrong.is_empty(), "REQUIREMENTS.md:\n{}", wrong.join("\n"));
}
