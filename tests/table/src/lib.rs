//! A table in Markdown that says of each requirement which test shows it, held to the code: every row is
//! there once, every named test exists, and every lane is one of `scripts/test`.
//!
//! A row has four cells: an id (`B7` or `42`), the requirement, the lanes that show it, and the evidence, with
//! tests as `` `file::name` ``. The lane `n/a` says that it doesn't apply, `open` that nothing shows it yet; their
//! evidence is the reason.

mod row;

use row::Row;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Lanes that name no test.
const UNSHOWN: [&str; 2] = ["n/a", "open"];
/// Shorter than this is no reason.
const SHORTEST_REASON: usize = 20;

/// Checks the table in `file` of this repository, which has to have the rows `ids`.
///
/// # Panics
/// The table is not as it has to be; the message tells each defect on a line.
#[track_caller]
pub fn assert_table(file: &str, ids: impl IntoIterator<Item = String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let defects = defects(&root, file, ids);
    assert!(defects.is_empty(), "{file}:\n{}", defects.join("\n"));
}

/// What is wrong with the table in `file` of the repository at `root`.
#[must_use]
pub fn defects(root: &Path, file: &str, ids: impl IntoIterator<Item = String>) -> Vec<String> {
    let read =
        |file: &str| fs::read_to_string(root.join(file)).map_err(|e| format!("can't read {file}: {e}"));
    let (table, lanes) = match (read(file), read("scripts/test")) {
        (Ok(table), Ok(lanes)) => (table, lanes),
        (table, lanes) => return [table.err(), lanes.err()].into_iter().flatten().collect(),
    };
    let rows: Vec<Row<'_>> = table.lines().filter_map(Row::read).collect();
    let mut defects = miscounted(&rows, ids);
    for row in &rows {
        let found = if UNSHOWN.contains(&row.lanes) { unexplained(row) } else { unshown(row, root, &lanes) };
        defects.extend(found.into_iter().map(|what| format!("{}: {what}", row.id)));
    }
    defects
}

/// Rows that are missing, too many, or not among `ids`.
fn miscounted(rows: &[Row<'_>], ids: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut count: BTreeMap<String, usize> = ids.into_iter().map(|id| (id, 0)).collect();
    let mut defects = Vec::new();
    for row in rows {
        match count.get_mut(row.id) {
            Some(n) => *n += 1,
            None => defects.push(format!("{}: there is no such requirement", row.id)),
        }
    }
    let wrong = count.into_iter().filter(|(_, n)| *n != 1);
    defects.extend(wrong.map(|(id, n)| format!("{id}: stands {n} times in the table")));
    defects
}

fn unexplained(row: &Row<'_>) -> Vec<String> {
    let too_short = row.evidence.len() < SHORTEST_REASON;
    too_short.then(|| "not shown, without a reason".to_owned()).into_iter().collect()
}

fn unshown(row: &Row<'_>, root: &Path, lanes: &str) -> Vec<String> {
    let unknown = row.lanes.split(", ").filter(|lane| !lanes.contains(&format!("lane_{lane}()")));
    let mut defects: Vec<_> = unknown.map(|lane| format!("scripts/test has no lane {lane:?}")).collect();
    if row.tests().next().is_none() {
        defects.push("no test is named".to_owned());
    }
    for (file, name) in row.tests() {
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        // A test in Rust, one in Go, and a lane of the shell.
        let definitions = [format!("fn {name}("), format!("func {name}("), format!("{name}()")];
        if !definitions.iter().any(|definition| text.contains(definition)) {
            defects.push(format!("{file} has no test {name}"));
        }
    }
    defects
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a table of `rows` that should have the rows `1` and `2`.
    fn defects_of(rows: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("scripts")).unwrap();
        fs::write(root.path().join("scripts/test"), "lane_unit() { true; }\n").unwrap();
        fs::write(root.path().join("a.rs"), "fn it_works() {}\n").unwrap();
        fs::write(
            root.path().join("T.md"),
            format!("| # | what | lane | shown by |\n|---|---|---|---|\n{rows}"),
        )
        .unwrap();
        defects(root.path(), "T.md", ["1", "2"].map(str::to_owned))
    }

    const ONE: &str = "| 1 | A | unit | `a.rs::it_works`, and `b` is no test |\n";

    #[test]
    fn a_table_that_holds() {
        assert_eq!(defects_of(&format!("{ONE}| 2 | B | n/a | there is nothing to show, since |\n")), [""; 0]);
    }

    #[test]
    fn each_defect_is_told_with_its_row() {
        for (row, defect) in [
            ("", "2: stands 0 times in the table"),
            ("| 2 | B | open | later |\n", "2: not shown, without a reason"),
            ("| 2 | B | unit | it works |\n", "2: no test is named"),
            ("| 2 | B | moon | `a.rs::it_works` |\n", "2: scripts/test has no lane \"moon\""),
            ("| 2 | B | unit | `a.rs::it_flies` |\n", "2: a.rs has no test it_flies"),
            ("| 2 | B | unit | `c.rs::it_works` |\n", "2: c.rs has no test it_works"),
        ] {
            assert_eq!(defects_of(&format!("{ONE}{row}")), [defect]);
        }
        let twice = format!("{ONE}{ONE}| 3 | C | unit | `a.rs::it_works` |\n");
        assert_eq!(
            defects_of(&twice),
            [
                "3: there is no such requirement",
                "1: stands 2 times in the table",
                "2: stands 0 times in the table"
            ]
        );
    }

    #[test]
    fn a_table_that_is_not_there_is_a_defect() {
        let told = defects(Path::new("/nowhere"), "T.md", []);
        assert!(told[0].starts_with("can't read T.md"), "{told:?}");
    }
}
