//! What is measured and what measures, where `scripts/test --lane image` puts it.

use std::path::{Path, PathBuf};

/// The node without `openshell-init`.
pub const NODE_IMAGE: &str = "openshell-test/k3s:dev";

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The test gateway, which can also ask another one for its health.
pub fn server() -> PathBuf {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    root().join("target/static").join(target).join("release/openshell-server")
}

/// Helm, for this machine.
pub fn helm() -> PathBuf {
    root().join(".cache/tools/helm")
}
