//! Reads a child's output line by line, bounded, on a thread of its own.
//!
//! Nobody waits for the end of the stream: a grandchild may hold the pipe open for ever. Reading on
//! and on keeps the child from blocking on a full pipe; a longer line is cut, not collected.

use std::io::{self, BufRead, BufReader, Read};

/// Longest line that is passed on, in bytes; what follows up to the line's end is dropped.
pub const MAX_LINE: usize = 16 * 1024;

/// Starts a thread that calls `on_line` for each line of `stream`, until its end.
///
/// # Errors
/// The system has no thread to give.
pub fn forward(
    name: &str,
    stream: impl Read + Send + 'static,
    mut on_line: impl FnMut(&str) + Send + 'static,
) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(next_line(&mut reader, &mut line), Ok(true)) {
            on_line(String::from_utf8_lossy(&line).trim_end());
        }
    })?;
    Ok(())
}

/// Reads one line into `line`, at most [`MAX_LINE`] bytes of it. Returns false at the end.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let available = match reader.fill_buf() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if available.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = available.iter().position(|b| *b == b'\n');
        let taken = end.unwrap_or(available.len());
        let room = MAX_LINE - line.len();
        line.extend_from_slice(&available[..taken.min(room)]);
        let consumed = end.map_or(taken, |i| i + 1);
        reader.consume(consumed);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(input: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = BufReader::with_capacity(7, input);
        let mut line = Vec::new();
        let mut lines = Vec::new();
        while next_line(&mut reader, &mut line).unwrap() {
            lines.push(line.clone());
        }
        lines
    }

    proptest! {
        #[test]
        fn short_lines_come_whole(lines in proptest::collection::vec("[^\n]{0,40}", 0..20)) {
            let text = lines.iter().fold(String::new(), |all, line| all + line + "\n");
            prop_assert_eq!(all(text.as_bytes()), lines.into_iter().map(String::into_bytes).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let text = format!("{}\nnext", "x".repeat(3 * MAX_LINE));
        let lines = all(text.as_bytes());
        assert_eq!(lines[0].len(), MAX_LINE);
        assert_eq!(lines[1], b"next");
    }
}
