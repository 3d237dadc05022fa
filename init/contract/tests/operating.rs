//! The tables of `docs/operating.md` are those of the code. `OPENSHELL_WRITE_DOCS=1` writes them anew.

use openshell_contract::condition::Kind;
use openshell_contract::reason::Reason;
use std::path::Path;

#[test]
fn every_reason_and_condition_is_in_the_operating_page_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let code = |code: &str| format!("`{code}`");
    let reasons = Reason::ALL.iter().map(|r| [code(r.code()), r.meaning().into(), r.remedy().into()]);
    let conditions = Kind::ALL.iter().map(|k| [code(k.name()), k.meaning().into()]);
    let wanted = with_table(&page, "reasons", &table(["reason", "meaning", "remedy"], reasons));
    let wanted = with_table(&wanted, "conditions", &table(["condition", "holds when"], conditions));
    if std::env::var_os("OPENSHELL_WRITE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        assert!(
            page == wanted,
            "docs/operating.md is not what the code says: OPENSHELL_WRITE_DOCS=1 cargo test"
        );
    }
}

fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = rows.map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
    format!("| {} |\n|{}\n{}", head.join(" | "), "---|".repeat(N), rows.concat())
}

/// `page` with this table between its two comments.
fn with_table(page: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: from the code -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = page.split_once(&begin).expect("the beginning of the table");
    let (_, after) = rest.split_once(&end).expect("the end of the table");
    format!("{before}{begin}\n{table}\n{end}{after}")
}
