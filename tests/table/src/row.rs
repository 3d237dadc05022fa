//! A row of the table. Pure.

/// A requirement.
#[derive(Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its id.
    pub id: &'a str,
    /// The lanes that show it, separated by `, `.
    pub lanes: &'a str,
    /// What shows it.
    pub evidence: &'a str,
}

impl<'a> Row<'a> {
    /// Reads a line, if it is a requirement's.
    pub fn read(line: &'a str) -> Option<Self> {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [id, _, lanes, evidence] = cells[..] else { return None };
        let number = id.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or(id);
        let is_id = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        is_id.then_some(Self { id, lanes, evidence })
    }

    /// The tests that it names, each with its file.
    pub fn tests(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.evidence.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.split_once("::"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_with_an_id_and_four_cells_is_a_row() {
        for id in ["7", "A1", "J11", "143"] {
            let line = format!("| {id} | what | unit | `f::t` |");
            assert_eq!(Row::read(&line), Some(Row { id, lanes: "unit", evidence: "`f::t`" }));
        }
        for line in
            ["| # | a | b | c |", "|---|---|---|---|", "| 1 | a | b |", "| 1a | a | b | c |", "text", ""]
        {
            assert_eq!(Row::read(line), None, "{line}");
        }
    }
}
