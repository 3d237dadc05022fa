//! Reads the layers of the configuration and remembers what was asked.

use crate::failure::{Context, Failure};
use crate::files;
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use openshell_contract::settings::{Invalid, Layer, LogFormat, Overview, Settings, Source};
use std::path::{Path, PathBuf};

/// The container's environment, as a layer. A value that is not UTF-8 can't be of an allowed form; it
/// is taken with replacement characters, so that it is refused by name.
pub fn environment() -> Layer {
    std::env::vars_os()
        .map(|(k, v)| (k.to_string_lossy().into_owned(), v.to_string_lossy().into_owned()))
        .collect()
}

/// The log format that `environment` asks for, before all settings are read.
pub fn log_format(environment: &Layer) -> LogFormat {
    match environment.get("OPENSHELL_LOG_FORMAT").map(|v| v.trim()) {
        Some("json") => LogFormat::Json,
        _ => LogFormat::Human,
    }
}

/// Settings and what else reading them found.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Names in the environment that look like ours and are not.
    pub unknown: Vec<String>,
}

/// Merges the layers and, if all is well, makes the volume remember them.
pub fn load(environment: &Layer) -> Result<Loaded, Failure> {
    let stored = config_file();
    let (image, volume) = (image_layer()?, read_layer(&stored)?);
    let layers = [(Source::Image, &image), (Source::Volume, &volume), (Source::Environment, environment)];
    let settings = Settings::from_layers(&layers).map_err(|invalid| refusal(&invalid))?;

    let remembered = Settings::to_persist(&volume, environment);
    if remembered != volume {
        let text = serde_json::to_vec_pretty(&remembered)
            .failing(Reason::StateUnusable, || format!("can't serialize {}", stored.display()))?;
        // 0600: a registry password may be in it.
        files::replace_durably(&stored, &text, 0o600)
            .failing(Reason::StateUnusable, || format!("can't write {}", stored.display()))?;
    }
    Ok(Loaded { settings, unknown: Settings::unknown_names(environment) })
}

/// The settings outside of a gateway's container: of the image, if there is one, and `environment`.
pub fn anywhere(environment: &Layer) -> Result<Settings, Failure> {
    let image = image_layer()?;
    let layers = [(Source::Image, &image), (Source::Environment, environment)];
    Settings::from_layers(&layers).map_err(|invalid| refusal(&invalid))
}

/// The settings of a gateway for people, whether they are allowed or not. Nothing is written.
pub fn overview(environment: &Layer) -> Result<Overview, Failure> {
    let (image, volume) = (image_layer()?, read_layer(&config_file())?);
    let layers = [(Source::Image, &image), (Source::Volume, &volume), (Source::Environment, environment)];
    Ok(Overview::of(&layers))
}

fn image_layer() -> Result<Layer, Failure> {
    read_layer(&Path::new(path::BUNDLE).join("defaults.json"))
}

fn config_file() -> PathBuf {
    Path::new(path::STATE).join("config.json")
}

fn read_layer(file: &Path) -> Result<Layer, Failure> {
    let text = files::read_if_there(file)
        .failing(Reason::StateUnusable, || format!("can't read {}", file.display()))?;
    let Some(text) = text else { return Ok(Layer::new()) };
    serde_json::from_str(&text).failing(Reason::StateUnusable, || {
        format!("{} is not a JSON object of variable names and texts", file.display())
    })
}

fn refusal(invalid: &[Invalid]) -> Failure {
    let all: Vec<_> = invalid.iter().map(ToString::to_string).collect();
    Failure::new(Reason::InvalidSetting, all.join("; "))
}
