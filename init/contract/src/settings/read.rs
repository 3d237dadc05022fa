//! Reads typed values out of layers and collects what is not of its allowed form.

use super::{Key, Layer};
use std::fmt;
use std::ops::RangeInclusive;

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
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

pub(super) struct Reader<'a> {
    layers: &'a [(Source, &'a Layer)],
    invalid: Vec<Invalid>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(layers: &'a [(Source, &'a Layer)]) -> Self {
        Self { layers, invalid: Vec::new() }
    }

    /// The strongest layer's value. An empty value counts as not set; in the environment it also
    /// takes back what the volume remembers.
    fn find(&self, key: &Key) -> Option<(Source, &'a str)> {
        let mut reset = false;
        for (source, layer) in self.layers.iter().rev() {
            if reset && *source == Source::Volume {
                continue;
            }
            match layer.get(key.name).map(|v| v.trim()) {
                None => {}
                Some("") => reset |= *source == Source::Environment,
                Some(value) => return Some((*source, value)),
            }
        }
        None
    }

    fn refuse(&mut self, key: &Key, source_layer: Source, value: &str) {
        let shown = if key.secret { "the value".to_owned() } else { format!("{value:?}") };
        self.invalid.push(Invalid { name: key.name, source_layer, shown, allowed: key.allowed });
    }

    fn parsed<T>(&mut self, key: &Key, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let (source, value) = self.find(key)?;
        let parsed = parse(value);
        if parsed.is_none() {
            self.refuse(key, source, value);
        }
        parsed
    }

    pub(super) fn text(&mut self, key: &Key) -> Option<String> {
        self.checked(key, |s| !s.chars().any(char::is_control))
    }

    pub(super) fn checked(&mut self, key: &Key, ok: impl FnOnce(&str) -> bool) -> Option<String> {
        self.parsed(key, |s| ok(s).then(|| s.to_owned()))
    }

    pub(super) fn list(&mut self, key: &Key, ok: impl Fn(&str) -> bool) -> Vec<String> {
        let items = |s: &str| s.split(',').map(|i| i.trim().to_owned()).collect::<Vec<_>>();
        self.parsed(key, |s| Some(items(s)).filter(|all| all.iter().all(|i| ok(i)))).unwrap_or_default()
    }

    pub(super) fn bool(&mut self, key: &Key) -> bool {
        self.flag(key).unwrap_or(false)
    }

    pub(super) fn flag(&mut self, key: &Key) -> Option<bool> {
        self.parsed(key, |s| match s.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    pub(super) fn port(&mut self, key: &Key) -> Option<u16> {
        self.parsed(key, |s| s.parse().ok().filter(|p| *p != 0))
    }

    pub(super) fn seconds(&mut self, key: &Key, range: RangeInclusive<u64>) -> Option<u64> {
        self.parsed(key, |s| s.parse().ok().filter(|n| range.contains(n)))
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, Vec<Invalid>> {
        if self.invalid.is_empty() { Ok(value) } else { Err(self.invalid) }
    }
}
