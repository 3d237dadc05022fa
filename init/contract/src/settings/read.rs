//! Reads typed values out of layers.

use super::{Key, Layer, form};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// Where a value came from, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// This release.
    Default,
    /// The image's `defaults.json`.
    Image,
    /// What the volume remembers.
    Volume,
    /// The container's environment.
    Environment,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "this release",
            Self::Image => "the image's defaults.json",
            Self::Volume => "the volume's openshell/config.json",
            Self::Environment => "the environment",
        })
    }
}

/// A value that is not of its allowed form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} in {source_layer}: {shown} is not allowed; it must be {allowed}")]
pub struct Invalid {
    /// Name of the setting.
    pub name: &'static str,
    /// Where the value came from.
    pub source_layer: Source,
    /// The value as it may be shown.
    pub shown: String,
    /// The allowed form.
    pub allowed: &'static str,
}

/// Reads the values that hold among those of `layers`, weakest first.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub &'a [(Source, &'a Layer)]);

impl<'a> Reader<'a> {
    /// The strongest layer's value. An empty value counts as not set; in the environment it also
    /// takes back what the volume remembers.
    pub(super) fn find(self, key: &Key) -> Option<(Source, &'a str)> {
        let mut reset = false;
        for (source, layer) in self.0.iter().rev() {
            if reset && *source == Source::Volume {
                continue;
            }
            match layer.get(key.name).map(|text| key.value(text)) {
                None => {}
                Some(None) => reset |= *source == Source::Environment,
                Some(Some(value)) => return Some((*source, value)),
            }
        }
        key.default.map(|default| (Source::Default, default))
    }

    /// The value's defect, if it is not of its allowed form.
    pub(super) fn defect(self, key: &Key) -> Option<Invalid> {
        let (source_layer, value) = self.find(key).filter(|(_, value)| !(key.is_allowed)(value))?;
        let shown = if key.secret { "the value".to_owned() } else { format!("{value:?}") };
        Some(Invalid { name: key.name, source_layer, shown, allowed: key.allowed })
    }

    /// The text.
    pub(super) fn text(self, key: &Key) -> Option<String> {
        self.find(key).map(|(_, value)| value.to_owned())
    }

    /// The text, or nothing; for one that has a default.
    pub(super) fn required(self, key: &Key) -> String {
        self.text(key).unwrap_or_default()
    }

    /// Whatever else is written as text, of a value that is of its allowed form.
    pub(super) fn parsed<T: FromStr>(self, key: &Key) -> Option<T> {
        self.find(key)?.1.parse().ok()
    }

    /// The items of a list.
    pub(super) fn list<T: FromStr>(self, key: &Key) -> Vec<T> {
        let list = self.find(key).map(|(_, value)| value).into_iter().flat_map(|value| value.split(','));
        list.filter_map(|item| item.trim().parse().ok()).collect()
    }

    /// Whether it is on, if anything says so.
    pub(super) fn flag(self, key: &Key) -> Option<bool> {
        form::truth(self.find(key)?.1)
    }

    /// Whether it is on.
    pub(super) fn is_on(self, key: &Key) -> bool {
        self.flag(key).unwrap_or(false)
    }

    /// The stronger one of two ways to say the same; `first` where both are as strong.
    pub(super) fn stronger(self, first: &Key, second: &Key) -> (Option<String>, Option<String>) {
        let strength = |key| self.find(key).map(|(source, _)| source);
        if strength(first) >= strength(second) { (self.text(first), None) } else { (None, self.text(second)) }
    }
}

impl Key {
    /// The value that `text` says, if it says one.
    pub(super) fn value<'a>(&self, text: &'a str) -> Option<&'a str> {
        let trimmed = text.trim();
        (!trimmed.is_empty()).then_some(if self.secret { text } else { trimmed })
    }
}
