//! Logging: one line for each event on standard error, for people or as JSON.

use openshell_contract::settings::LogFormat;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

/// Starts logging. The format is wanted before the settings are known, so it is read from the
/// environment alone; a malformed value is refused later, with all the other settings.
pub fn start(format: LogFormat) {
    // The client tells every failed request as an error of its own, twenty a second while the API
    // starts; what such a failure means is told by the stage that made the request.
    let filter = Targets::new().with_default(LevelFilter::INFO).with_target("kube_client", LevelFilter::OFF);
    let layer = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let layer = match format {
        LogFormat::Human => layer.boxed(),
        LogFormat::Json => {
            layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    };
    registry().with(layer.with_filter(filter)).init();
}
