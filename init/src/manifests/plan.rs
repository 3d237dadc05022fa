//! What is done in which order. Pure.

use super::bundle::Bundled;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its API group and version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace, if the manifest names one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        self.namespace.iter().try_for_each(|namespace| write!(f, " in {namespace}"))
    }
}

/// What stands in the way of pruning an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    None,
    /// It holds data, or others' objects would go with it.
    Always,
    /// The objects of its kind would go with it.
    WhileUsed,
}

impl Entry {
    /// Whether it is the definition of a kind.
    pub fn is_definition(&self) -> bool {
        self.kind == "CustomResourceDefinition"
    }

    /// What stands in the way of pruning it.
    pub fn guard(&self) -> Guard {
        match self.kind.as_str() {
            "PersistentVolume" | "PersistentVolumeClaim" | "Namespace" => Guard::Always,
            _ if self.is_definition() => Guard::WhileUsed,
            _ => Guard::None,
        }
    }
}

/// The objects, those first that others need: namespaces, then definitions of kinds, then the rest.
pub fn in_order(objects: &[Bundled]) -> [Vec<&Bundled>; 3] {
    let mut steps = [const { Vec::new() }; 3];
    for object in objects {
        let step = match object.entry.kind.as_str() {
            "Namespace" => 0,
            _ if object.entry.is_definition() => 1,
            _ => 2,
        };
        steps[step].push(object);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::bundle::read;

    fn entry(kind: &str) -> Entry {
        Entry { api_version: "v1".into(), kind: kind.into(), namespace: None, name: "n".into() }
    }

    #[test]
    fn what_others_need_comes_first() {
        let text = ["Deployment", "CustomResourceDefinition", "Service", "Namespace"]
            .map(|kind| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: n}}\n"))
            .join("---\n");
        let objects = read("f", &text).unwrap();
        let kinds = in_order(&objects)
            .map(|step| step.iter().map(|object| object.entry.kind.as_str()).collect::<Vec<_>>().join(" "));
        assert_eq!(kinds, ["Namespace", "CustomResourceDefinition", "Deployment Service"]);
    }

    #[test]
    fn what_holds_data_is_never_pruned() {
        for kind in ["PersistentVolume", "PersistentVolumeClaim", "Namespace"] {
            assert_eq!(entry(kind).guard(), Guard::Always);
        }
        assert_eq!(entry("CustomResourceDefinition").guard(), Guard::WhileUsed);
        assert_eq!(entry("Deployment").guard(), Guard::None);
    }
}
