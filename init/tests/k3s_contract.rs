//! `tests/node/CONTRACT.md` can't rot: what it names exists, and every flag that k3s is given is in it.

use std::fs;
use std::path::{Path, PathBuf};

/// Where k3s's command line is put together.
const SOURCES: [&str; 4] =
    ["init/src/k3s", "init/src/node", "init/src/node/cgroup", "init/src/node/iptables"];
/// Flags there that are another program's.
const OTHERS: [&str; 2] = ["--wait", "--noflush"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn contract() -> String {
    fs::read_to_string(root().join("tests/node/CONTRACT.md")).expect("a file of the repository")
}

#[test]
fn every_row_names_a_file_that_relies_on_it_and_what_shows_it() {
    let contract = contract();
    let rows = contract.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let mut seen = 0;
    for row in rows.filter(|row| !row.starts_with("behaviour")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let [_, relies, shown, node] = cells[..] else { panic!("not four cells: {row}") };
        let file = relies.trim_matches('`');
        assert!(root().join(file).is_file(), "there is no {file}");
        assert!(!shown.is_empty() && !node.is_empty(), "{row}");
        seen += 1;
    }
    assert!(seen > 50, "{seen} rows");
}

#[test]
fn every_flag_that_k3s_is_given_is_in_it() {
    let contract = contract();
    let mut seen = 0;
    for dir in SOURCES {
        for entry in fs::read_dir(root().join(dir)).unwrap() {
            let file = entry.unwrap().path();
            if !file.is_file() {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for flag in flags(code).filter(|flag| !OTHERS.contains(&flag.as_str())) {
                assert!(contract.contains(&format!("`{flag}")), "{}: {flag}", file.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "{seen} flags");
}

/// The flags that begin a string literal.
fn flags(code: &str) -> impl Iterator<Item = String> {
    let names = code
        .split("\"--")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-'));
    names.map(|name| format!("--{}", name.collect::<String>())).filter(|flag| flag.len() > 2)
}
