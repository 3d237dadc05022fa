//! What `scripts/sbom` has found in the image: what is known to be in it, and nothing that has no business there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the image may add files.
const OURS: [&str; 3] = ["opt/openshell/", "usr/local/bin/helm", "usr/local/bin/openshell-init"];
/// Shells and package managers.
const NO_BUSINESS: [&str; 12] =
    ["sh", "bash", "dash", "ash", "busybox", "apt", "apt-get", "dpkg", "apk", "rpm", "pip", "python3"];

#[test]
#[ignore = "needs scripts/sbom; `scripts/test --lane sbom` runs both"]
fn the_crates_of_process_1_are_those_of_the_lock_file() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let locked: BTreeSet<(&str, &str)> = lock
        .split("[[package]]")
        .filter_map(|package| Some((field(package, "name")?, field(package, "version")?)))
        .collect();
    let document = document("openshell-init.cdx.json");
    let found = components(&document);
    for name in ["kube", "rustls", "tokio", "rcgen", "x509-parser", "openshell-pid1"] {
        assert!(found.iter().any(|(found, _)| found == name), "{name} is missing");
    }
    for (name, version) in &found {
        assert!(locked.contains(&(name.as_str(), version.as_str())), "{name} {version} is not locked");
    }
}

#[test]
#[ignore = "needs scripts/sbom; `scripts/test --lane sbom` runs both"]
fn the_programs_of_others_are_told_with_their_modules() {
    for (program, module) in [("helm", "k8s.io/client-go"), ("k3s", "k8s.io/apimachinery")] {
        let file = documents().into_iter().find(|file| stem(file).ends_with(&format!("bin-{program}")));
        let file = file.unwrap_or_else(|| panic!("no document tells of {program}: {:?}", documents()));
        let found = components(&document(file.file_name().unwrap().to_str().unwrap()));
        assert!(found.iter().any(|(name, version)| name == module && !version.is_empty()), "{found:?}");
    }
}

#[test]
#[ignore = "needs scripts/sbom; `scripts/test --lane sbom` runs both"]
fn the_image_adds_what_is_ours_and_no_shell() {
    let added = fs::read_to_string(sbom().join("added.txt")).unwrap();
    for file in ["usr/local/bin/helm", "usr/local/bin/openshell-init", "opt/openshell/bin/openshell-sandbox"]
    {
        assert!(added.lines().any(|line| line == file), "{file} is missing: {added}");
    }
    for file in added.lines() {
        assert!(OURS.iter().any(|place| file.starts_with(place)), "{file}");
        let name = file.rsplit('/').next().unwrap();
        assert!(!NO_BUSINESS.contains(&name), "{file}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn sbom() -> PathBuf {
    root().join("target/sbom")
}

fn documents() -> Vec<PathBuf> {
    fs::read_dir(sbom()).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn stem(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap().trim_end_matches(".cdx.json")
}

fn document(name: &str) -> Value {
    let document: Value = serde_json::from_slice(&fs::read(sbom().join(name)).unwrap()).unwrap();
    assert_eq!(document["bomFormat"], "CycloneDX");
    document
}

/// Names and versions.
fn components(document: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = document["components"].as_array().unwrap();
    all.iter().map(|component| (text(&component["name"]), text(&component["version"]))).collect()
}

fn field<'a>(package: &'a str, name: &str) -> Option<&'a str> {
    let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
    Some(line.trim_matches('"'))
}
