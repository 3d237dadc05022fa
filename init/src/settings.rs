//! Reads the layers of the configuration and remembers what was asked.

use crate::failure::{Context, Failure};
use crate::files;
use crate::kept::Kept;
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use openshell_contract::settings::{Invalid, Layer, LogFormat, Overview, Settings, Source};
use std::path::Path;

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
    let stored = Kept::Config.path();
    let (image, volume) = (image_layer()?, read_layer(&stored)?);
    let layers = [(Source::Image, &image), (Source::Volume, &volume), (Source::Environment, environment)];
    let settings = Settings::from_layers(&layers).map_err(|invalid| refusal(&invalid))?;

    let remembered = Settings::to_persist(&volume, environment);
    if remembered != volume {
        let text = serde_json::to_vec_pretty(&remembered)
            .failing(Reason::StateUnusable, || format!("can't serialize {}", stored.display()))?;
        Kept::Config.write(&text)?;
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
    let (image, volume) = (image_layer()?, read_layer(&Kept::Config.path())?);
    let layers = [(Source::Image, &image), (Source::Volume, &volume), (Source::Environment, environment)];
    Ok(Overview::of(&layers))
}

fn image_layer() -> Result<Layer, Failure> {
    read_layer(&Path::new(path::BUNDLE).join("defaults.json"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::{near, near_text};
    use openshell_contract::settings::KEYS;
    use proptest::prelude::*;

    /// Values that are allowed somewhere.
    const VALUES: [&str; 9] = [
        "true",
        "8080",
        "10.0.0.1,fd00::1",
        "ghcr.io:5000",
        "IfNotPresent",
        "https://idp.example/realm",
        "ghcr.io/nvidia/openshell/gateway:1@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082",
        "/run/secrets/password",
        "json",
    ];
    /// What no message says by chance.
    const SECRET: &str = "q7Zx9Lw2Vt4b";

    proptest! {
        #[test]
        fn whatever_the_environment_says_is_taken_or_refused_by_name(
            values in proptest::collection::btree_map(0..KEYS.len(), near_text(&VALUES), 0..12),
        ) {
            let value = |i: usize, value| if KEYS[i].secret { format!("{SECRET}{value}") } else { value };
            let set: Layer =
                values.into_iter().map(|(i, text)| (KEYS[i].name.to_owned(), value(i, text))).collect();
            let layers = [(Source::Environment, &set)];
            // For people, allowed or not.
            let shown = serde_json::to_string(&Overview::of(&layers)).unwrap();
            let refused = Settings::from_layers(&layers).err().map(|invalid| {
                assert!(invalid.iter().all(|one| set.contains_key(one.name)), "{invalid:?}");
                refusal(&invalid).message
            });
            let told = refused.unwrap_or_default();
            prop_assert!(!told.contains(SECRET) && !shown.contains(SECRET));
        }

        #[test]
        fn whatever_the_volume_remembers_is_read_or_refused_by_file(
            text in near(&[r#"{"IMAGE_TAG":"0.0.22","GPU_ENABLED":"true","REGISTRY_PASSWORD":"p\u00e4\n"}"#]),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("config.json");
            std::fs::write(&file, &text).unwrap();
            match read_layer(&file) {
                Ok(layer) => drop(Settings::from_layers(&[(Source::Volume, &layer)])),
                Err(failure) => {
                    prop_assert_eq!(failure.reason, Reason::StateUnusable);
                    prop_assert!(failure.message.contains("config.json"), "{}", failure);
                }
            }
        }
    }
}
