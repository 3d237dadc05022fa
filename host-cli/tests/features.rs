//! `FEATURES.md` can't rot: it has every row once, and every test that it names exists where it says.

#[test]
fn every_feature_is_there_once_and_shown_by_tests_that_exist() {
    let original = (95..=130).map(|row: u32| row.to_string());
    let resume = (1..=5).map(|row| format!("R{row}"));
    let threads = (1..=14).map(|row| format!("T{row}"));
    openshell_table::assert_table("host-cli/FEATURES.md", original.chain(resume).chain(threads));
}
