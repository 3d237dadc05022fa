//! Logging: one line for each event on standard error, for people or as JSON.

use openshell_contract::settings::LogFormat;
use tracing::Level;
use tracing_subscriber::fmt;

/// Starts logging. The format is wanted before the settings are known, so it is read from the
/// environment alone; a malformed value is refused later, with all the other settings.
pub fn start(format: LogFormat) {
    let builder = fmt()
        .with_max_level(Level::INFO)
        .with_writer(std::io::stderr)
        .with_timer(fmt::time::SystemTime)
        .with_ansi(false);
    match format {
        LogFormat::Human => builder.init(),
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
        }
    }
}
