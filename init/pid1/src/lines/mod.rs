//! Reads a child's output line by line, bounded, on threads of its own.
//!
//! Nobody waits for the end of the stream: a grandchild may hold the pipe open for ever. One thread
//! reads on and on, which keeps the child from blocking on a full pipe; a second one passes the lines on,
//! and may be as slow as it likes: what doesn't fit between them is dropped and counted. A line that is
//! too long is cut, not collected.

mod queue;
mod sink;

pub use queue::Lost;
pub use sink::Sink;

use queue::{Item, Queue};
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

/// Longest line that is passed on, in bytes; what follows up to the line's end is dropped.
pub const MAX_LINE: usize = 16 * 1024;
/// As much as a pipe holds (`pipe(7)`): one `read(2)` empties it.
const READ: usize = 64 * 1024;

/// What comes of a child's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line without its end.
    Text(&'a str),
    /// Here something is missing: nobody took the lines as fast as they came.
    Lost(Lost),
}

/// Starts the threads that call `on_line` for each line of `stream`, until its end.
///
/// # Errors
/// The system has no thread to give.
pub fn forward(
    name: &str,
    stream: impl Read + Send + 'static,
    mut on_line: impl FnMut(Line<'_>) + Send + 'static,
) -> io::Result<()> {
    let queue = Arc::new(Queue::default());
    let read = queue.clone();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        while let Some(item) = queue.take() {
            match item {
                Item::Text(line) => on_line(Line::Text(String::from_utf8_lossy(&line).trim_end())),
                Item::Lost(lost) => on_line(Line::Lost(lost)),
            }
        }
    })?;
    let ended = read.clone();
    let reader = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let mut reader = BufReader::with_capacity(READ, stream);
        let mut line = Vec::new();
        // An error of the pipe is its end too.
        while let Ok(Some(cut)) = next_line(&mut reader, &mut line) {
            read.offer(&line, cut);
        }
        read.end();
    });
    reader.map(drop).inspect_err(|_| ended.end())
}

/// Reads one line into `line`, at most [`MAX_LINE`] bytes of it. Returns how many were cut, or that there
/// is no more.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
    line.clear();
    let (mut any, mut cut) = (false, 0);
    loop {
        let available = match reader.fill_buf() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if available.is_empty() {
            return Ok(any.then_some(cut));
        }
        any = true;
        let end = available.iter().position(|b| *b == b'\n');
        let taken = end.unwrap_or(available.len());
        let kept = taken.min(MAX_LINE - line.len());
        line.extend_from_slice(&available[..kept]);
        cut += (taken - kept) as u64;
        reader.consume(end.map_or(taken, |i| i + 1));
        if end.is_some() {
            return Ok(Some(cut));
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
        while next_line(&mut reader, &mut line).unwrap().is_some() {
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
        let mut reader = text.as_bytes();
        assert_eq!(next_line(&mut reader, &mut Vec::new()).unwrap(), Some(2 * MAX_LINE as u64));
    }
}
