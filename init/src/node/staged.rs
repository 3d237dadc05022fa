//! What the original's entrypoint put into the volume for k3s to deploy.
//!
//! k3s would apply these manifests at each start (k3s `pkg/deploy/controller.go`), and so bring back the
//! `HelmChart` that the release was taken over from, or what an operator removed. When a file disappears k3s
//! deletes nothing: its objects are taken over by name, by the chart or with the image's own manifests.

use crate::failure::{Context, Failure};
use crate::files;
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use std::fs;
use std::io;
use std::path::Path;

/// Directories below k3s's, and how the names of the original's files begin and end there: those that its own
/// entrypoint copied and cleaned up. Everybody else's, k3s's among them, are left alone.
const STAGED: [(&str, &[&str], &str); 2] = [
    ("server/manifests", &["openshell-", "envoy-gateway-", "agent-", "nvidia-device-plugin"], ".yaml"),
    ("server/static/charts", &["openshell-"], ".tgz"),
];

/// Removes the files. Returns how many there were.
pub fn remove() -> Result<usize, Failure> {
    remove_below(Path::new(path::DATA))
}

fn remove_below(data: &Path) -> Result<usize, Failure> {
    STAGED.iter().try_fold(0, |sum, (dir, beginnings, end)| {
        let dir = data.join(dir);
        let removed = matching(&dir, |name| {
            name.ends_with(end) && beginnings.iter().any(|beginning| name.starts_with(beginning))
        });
        let context = || format!("can't remove what an earlier image staged in {}", dir.display());
        Ok(sum + removed.failing(Reason::StateUnusable, context)?)
    })
}

/// Removes files by their names.
fn matching(dir: &Path, is_ours: impl Fn(&str) -> bool) -> io::Result<usize> {
    let mut removed = 0;
    for entry in files::entries(dir)? {
        if !entry.file_type()?.is_dir() && is_ours(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_originals_files_go_and_everybody_elses_stay() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(remove_below(data.path()).unwrap(), 0);
        let write = |file: &str| {
            let file = data.path().join("server").join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        };
        let staged = [
            "manifests/openshell-helmchart.yaml",
            "manifests/agent-sandbox.yaml",
            "manifests/envoy-gateway-openshell.yaml",
            "manifests/nvidia-device-plugin-helmchart.yaml",
            "static/charts/openshell-0.1.0.tgz",
        ];
        let others = [
            "manifests/coredns.yaml",
            "manifests/local-storage.yaml",
            "manifests/my-app.yaml",
            "manifests/openshell-notes.txt",
            "manifests/metrics-server/agent-x.yaml",
            "static/charts/traefik-34.tgz",
        ];
        staged.iter().chain(&others).for_each(|file| write(file));
        assert_eq!(remove_below(data.path()).unwrap(), staged.len());
        for file in others {
            assert!(data.path().join("server").join(file).exists(), "{file}");
        }
        assert_eq!(remove_below(data.path()).unwrap(), 0);
    }
}
