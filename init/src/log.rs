//! Logging: one line for each event on standard error, for people or as JSON.
//!
//! Nobody ever waits for the reader of the log: Docker's pipe may be full, and process 1 has to reap and to
//! stop all the same. What can't be written is dropped, and a line says how much was.

use openshell_contract::settings::LogFormat;
use openshell_pid1::lines::Sink;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

/// How long the last lines may take at the end.
const LAST_LINES: Duration = Duration::from_millis(200);

/// The log; to be [finished](Log::finish) at the end.
#[derive(Clone)]
pub struct Log {
    sink: Sink,
}

/// Starts logging. The format is wanted before the settings are known, so it is read from the
/// environment alone; a malformed value is refused later, with all the other settings.
pub fn start(format: LogFormat) -> io::Result<Log> {
    let log = Log { sink: Sink::start("log", io::stderr(), move |lines| lost(format, lines))? };
    // The client tells every failed request as an error of its own, twenty a second while the API
    // starts; what such a failure means is told by the stage that made the request.
    let filter = Targets::new().with_default(LevelFilter::INFO).with_target("kube_client", LevelFilter::OFF);
    let layer = fmt::layer().with_writer(log.clone()).with_ansi(false);
    let layer = match format {
        LogFormat::Human => layer.boxed(),
        LogFormat::Json => {
            layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    };
    registry().with(layer.with_filter(filter)).init();
    Ok(log)
}

impl Log {
    /// Waits for the lines until now to be written, though not for long.
    pub fn flush(&self) {
        // A reader that doesn't read doesn't want them.
        let _ = self.sink.flush(LAST_LINES);
    }

    /// Waits for the last lines to be written, as [`Log::flush`] does.
    pub fn finish(&self) {
        let _ = self.sink.finish(LAST_LINES);
    }
}

/// One event: what is written in pieces and is a line at the end.
pub struct Event<'a> {
    log: &'a Log,
    text: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Event<'a>;

    fn make_writer(&'a self) -> Event<'a> {
        Event { log: self, text: Vec::new() }
    }
}

impl io::Write for Event<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Event<'_> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        self.log.sink.line(one_line(text.trim_end_matches('\n')).as_bytes());
    }
}

/// Escapes what would begin another line or command a terminal: a program's output is no instruction to
/// whoever reads the log. The escapes are JSON's (RFC 8259, section 7), so that JSON stays JSON.
fn one_line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, c| {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            c if c.is_control() && c != '\t' => {
                // Writing to a String can't fail.
                let _ = write!(line, "\\u{:04x}", u32::from(c));
            }
            c => line.push(c),
        }
        line
    })
}

fn lost(format: LogFormat, lines: u64) -> String {
    match format {
        LogFormat::Human => format!("({lines} lines of the log were lost: they were not read in time)"),
        LogFormat::Json => {
            format!(r#"{{"level":"WARN","message":"the log was not read in time","lost":{lines}}}"#)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(one_line("a\nb\r\u{1b}[31mred\tß"), "a\\nb\\r\\u001b[31mred\tß");
    }

    proptest! {
        #[test]
        fn json_stays_json(text in any::<String>()) {
            let line = one_line(&serde_json::to_string(&text).unwrap());
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }

        #[test]
        fn no_text_makes_two_lines_or_commands_a_terminal(text in any::<String>()) {
            prop_assert!(one_line(&text).chars().all(|c| c == '\t' || !c.is_control()));
        }
    }
}
