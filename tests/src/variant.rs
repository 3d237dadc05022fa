//! An image like the one under test, and yet another one.

use crate::gateway::cluster_image;
use crate::{docker, run};
use std::path::Path;
use std::process::Command;

/// The image. Its name goes when the test ends.
pub struct Variant(String);

impl Variant {
    /// Builds it by these instructions of a Dockerfile, in the directory `context`.
    ///
    /// # Panics
    /// Docker can't.
    #[must_use]
    pub fn build(tag: &str, instructions: &str, context: &Path) -> Self {
        let image = format!("openshell-e2e/variant:{tag}");
        let file = format!("FROM {}\n{instructions}\n", cluster_image());
        std::fs::write(context.join("Dockerfile"), file).expect("a file");
        let mut build = Command::new("docker");
        let _ = run(build.args(["build", "--quiet", "--tag", &image]).arg(context), "").ok();
        Self(image)
    }

    /// The same, without any file.
    ///
    /// # Panics
    /// Docker can't.
    #[must_use]
    pub fn of(tag: &str, instructions: &str) -> Self {
        let empty = tempfile::tempdir().expect("a directory");
        Self::build(tag, instructions, empty.path())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for Variant {
    fn drop(&mut self) {
        // A container may still be of it; what is left is a name.
        let _ = docker(&["rmi", "-f", &self.0]);
    }
}
