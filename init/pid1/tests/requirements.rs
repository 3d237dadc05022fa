//! `REQUIREMENTS.md` can't rot: it has every row once, and every test that it names exists where it says.

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

#[test]
fn every_row_is_there_once_and_shown_by_tests_that_exist() {
    let ids = GROUPS.iter().flat_map(|(group, n)| (1..=*n).map(move |i| format!("{group}{i}")));
    openshell_table::assert_table("init/pid1/REQUIREMENTS.md", ids);
}
