//! `FEATURES.md` can't rot: it has every row once, and every test that it names exists where it says.

#[test]
fn every_feature_is_there_once_and_shown_by_tests_that_exist() {
    let rows = (6..=94).map(|row: u32| row.to_string());
    openshell_table::assert_table("init/FEATURES.md", rows);
}
