//! The other direction: lines to a reader that may be slow, or never read at all.

use super::queue::{Item, Queue};
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Writes lines on a thread of its own; cheap to clone. A writer never waits: what doesn't fit in between
/// is dropped, and a line says how much was.
#[derive(Clone)]
pub struct Sink {
    queue: Arc<Queue>,
    ended: Arc<Mutex<Receiver<()>>>,
}

impl Sink {
    /// Starts the thread. `lost` makes the line that stands for what was dropped: so many lines.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(
        name: &str,
        mut out: impl Write + Send + 'static,
        lost: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let lines = queue.clone();
        let (tell, ended) = channel::<()>();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Some(item) = lines.take() {
                let line = match item {
                    Item::Text(line) => line,
                    Item::Lost(missing) => lost(missing.lines).into_bytes(),
                };
                // A reader that is gone hears nothing, and nobody else can be told.
                let _ = out.write_all(&[line.as_slice(), b"\n"].concat()).and_then(|()| out.flush());
            }
            drop(tell);
        })?;
        Ok(Self { queue, ended: Arc::new(Mutex::new(ended)) })
    }

    /// Passes on a line without its end.
    pub fn line(&self, line: &[u8]) {
        self.queue.offer(line, 0);
    }

    /// Waits until all is written that was passed on, at most for `limit`. Returns whether it is.
    #[must_use]
    pub fn flush(&self, limit: Duration) -> bool {
        self.queue.wait_idle(limit)
    }

    /// Waits until all is written, at most for `limit`. Returns whether it is; nothing can be written
    /// afterwards.
    #[must_use]
    pub fn finish(&self, limit: Duration) -> bool {
        self.queue.end();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // The thread never sends: it lets go of its end when all is written.
        matches!(ended.recv_timeout(limit), Err(std::sync::mpsc::RecvTimeoutError::Disconnected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    #[test]
    fn an_unread_pipe_holds_up_neither_the_writer_nor_the_end() {
        let (read, write) = io::pipe().unwrap();
        let sink = Sink::start("test", write, |lines| format!("{lines} lost")).unwrap();
        let line = [b'x'; 100];
        for _ in 0..20_000 {
            sink.line(&line);
        }
        assert!(!sink.flush(Duration::from_millis(20)), "a full pipe was written to");
        assert!(!sink.finish(Duration::from_millis(20)), "a full pipe was written to");

        // Read at last, it tells what is missing; nothing is counted twice or forgotten.
        let lines: Vec<String> = BufReader::new(read).lines().map(Result::unwrap).collect();
        let lost: usize = lines.iter().filter_map(|l| l.strip_suffix(" lost")?.parse::<usize>().ok()).sum();
        let gaps = lines.iter().filter(|l| l.ends_with(" lost")).count();
        assert!(gaps > 0);
        assert_eq!(lines.len() - gaps + lost, 20_000);
    }

    #[test]
    fn what_is_flushed_is_written_and_more_may_follow() {
        let (read, write) = io::pipe().unwrap();
        let sink = Sink::start("test", write, |_| String::new()).unwrap();
        let mut lines = BufReader::new(read).lines();
        for word in ["first", "second"] {
            sink.line(word.as_bytes());
            assert!(sink.flush(Duration::from_secs(10)));
            assert_eq!(lines.next().unwrap().unwrap(), word);
        }
    }

    #[test]
    fn all_is_written_before_the_end() {
        let (read, write) = io::pipe().unwrap();
        let sink = Sink::start("test", write, |_| String::new()).unwrap();
        sink.line(b"last words");
        assert!(sink.finish(Duration::from_secs(10)));
        drop(sink);
        assert_eq!(io::read_to_string(read).unwrap(), "last words\n");
    }
}
