use crate::PATIENCE;
use nix::sys::stat::Mode;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

/// A named pipe that programs report to, a line each, when their standard output is somebody else's.
#[derive(Debug)]
pub struct Fifo {
    path: PathBuf,
    lines: Receiver<String>,
}

impl Fifo {
    /// Makes it at `path` and reads it from then on. A writer never waits for a reader.
    ///
    /// # Panics
    /// The system refuses.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o600)).expect("a named pipe");
        // Open for writing too: the stream doesn't end when one writer leaves.
        let stream = OpenOptions::new().read(true).write(true).open(path).expect("the named pipe opens");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { path: path.to_owned(), lines }
    }

    /// Where programs find it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next line.
    ///
    /// # Panics
    /// None comes within [`PATIENCE`].
    #[must_use]
    pub fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a report is written")
    }

    /// The lines that are there now.
    #[must_use]
    pub fn rest(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }
}
