//! The settings for people: what each is, and where that came from.

use super::read::Reader;
use super::{KEYS, Layer, Settings, Source};
use serde::Serialize;

/// What stands for a value that must not be shown.
const HIDDEN: &str = "(hidden)";

/// A setting as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its name.
    pub name: &'static str,
    /// Its value, if it has one and it may be shown.
    pub value: Option<String>,
    /// Where that came from, if it has one.
    pub source: Option<Source>,
    /// The defect of a value that is not of its allowed form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defect: Option<String>,
}

/// Every setting, and every name that is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// Every setting of this release.
    pub settings: Vec<Told>,
    /// Names that look like settings and are none of this release, each with where it stands.
    pub unknown: Vec<(String, Source)>,
}

impl Overview {
    /// Tells of `layers`, weakest first.
    #[must_use]
    pub fn of(layers: &[(Source, &Layer)]) -> Self {
        let reader = Reader(layers);
        let told = KEYS.iter().map(|key| {
            let found = reader.find(key);
            Told {
                name: key.name,
                value: found.map(|(_, value)| if key.secret { HIDDEN } else { value }.to_owned()),
                source: found.map(|(source, _)| source),
                defect: reader.defect(key).map(|defect| defect.to_string()),
            }
        });
        let unknown = layers.iter().flat_map(|(source, layer)| {
            let names = match source {
                // Everything else in there is other programs'.
                Source::Environment => Settings::unknown_names(layer),
                _ => layer.keys().filter(|name| KEYS.iter().all(|key| key.name != **name)).cloned().collect(),
            };
            names.into_iter().map(|name| (name, *source))
        });
        Self { settings: told.collect(), unknown: unknown.collect() }
    }

    /// Whether every value is of its allowed form.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.settings.iter().all(|told| told.defect.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::layer;
    use super::*;

    fn told<'a>(overview: &'a Overview, name: &str) -> &'a Told {
        overview.settings.iter().find(|told| told.name == name).unwrap()
    }

    #[test]
    fn each_value_is_told_with_where_it_came_from() {
        let image = layer(&[("IMAGE_TAG", "image"), ("IMAGE_PULL_POLICY", "Never")]);
        let volume =
            layer(&[("IMAGE_TAG", "volume"), ("FROM_A_NEWER_RELEASE", "x"), ("DISABLE_TLS", "true")]);
        let env = layer(&[
            ("SSH_GATEWAY_HOST", " gw.example "),
            ("DISABLE_TLS", ""),
            ("OPENSHELL_TYPO", "1"),
            ("HOME", "/"),
        ]);
        let layers = [(Source::Image, &image), (Source::Volume, &volume), (Source::Environment, &env)];
        let overview = Overview::of(&layers);
        for (name, value, source) in [
            ("IMAGE_TAG", Some("volume"), Some(Source::Volume)),
            ("IMAGE_PULL_POLICY", Some("Never"), Some(Source::Image)),
            ("SSH_GATEWAY_HOST", Some("gw.example"), Some(Source::Environment)),
            ("DISABLE_TLS", Some("false"), Some(Source::Default)),
            ("DB_URL", None, None),
        ] {
            let told = told(&overview, name);
            assert_eq!((told.value.as_deref(), told.source), (value, source), "{name}");
        }
        assert_eq!(overview.settings.len(), KEYS.len());
        let unknown = [("FROM_A_NEWER_RELEASE", Source::Volume), ("OPENSHELL_TYPO", Source::Environment)];
        assert_eq!(overview.unknown, unknown.map(|(name, source)| (name.to_owned(), source)));
        assert!(overview.is_allowed());
    }

    #[test]
    fn no_secret_is_told_right_or_wrong() {
        for key in KEYS.iter().filter(|key| key.secret) {
            for value in ["sqlite:hunter2", "hunter2\u{7}"] {
                let env = layer(&[(key.name, value)]);
                let overview = Overview::of(&[(Source::Environment, &env)]);
                assert_eq!(told(&overview, key.name).value.as_deref(), Some(HIDDEN));
                assert!(!serde_json::to_string(&overview).unwrap().contains("hunter2"), "{}", key.name);
            }
        }
    }

    #[test]
    fn a_value_that_is_not_allowed_is_told_with_its_defect() {
        let env = layer(&[("REGISTRY_HOST", "https://ghcr.io")]);
        let overview = Overview::of(&[(Source::Environment, &env)]);
        assert!(!overview.is_allowed());
        let defect = told(&overview, "REGISTRY_HOST").defect.as_deref().unwrap();
        assert!(defect.contains("REGISTRY_HOST") && defect.contains("optional port"), "{defect}");
    }
}
