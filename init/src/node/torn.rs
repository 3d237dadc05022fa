//! Files that a power cut left empty.
//!
//! k3s writes keys and certificates without `fsync(2)`: when the power fails soon after, their names may be on
//! disk and their content not. It takes an empty one for what it should be, and ends. One that is missing it
//! makes again, the cluster's own from the bootstrap data in its datastore (k3s `pkg/cluster`, `bootstrap.go`),
//! which the database has written out.

use crate::failure::{Context, Failure};
use crate::files;
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use std::fs;
use std::io;
use std::path::Path;
use tracing::warn;

/// What the agent has of its own, beside its data.
const OF_THE_AGENT: [&str; 3] = ["crt", "key", "kubeconfig"];

/// Removes them, and nothing that has content. Returns how many there were.
pub fn remove() -> Result<usize, Failure> {
    remove_below(Path::new(path::DATA)).failing(Reason::StateUnusable, || {
        format!("can't look for empty keys and certificates in {}", path::DATA)
    })
}

fn remove_below(data: &Path) -> io::Result<usize> {
    let server = empty(&data.join("server/tls"), true, &|_| true)?;
    let agent = empty(&data.join("agent"), false, &|file| {
        file.extension().is_some_and(|is| OF_THE_AGENT.iter().any(|own| is == *own))
    })?;
    Ok(server + agent)
}

/// Removes the files of `dir` that are empty and `torn` says may go, and those `deep` in it.
fn empty(dir: &Path, deep: bool, torn: &dyn Fn(&Path) -> bool) -> io::Result<usize> {
    let mut removed = 0;
    for entry in files::entries(dir)? {
        // Of the entry itself: a link is not followed.
        let (file, is) = (entry.path(), entry.metadata()?);
        if is.is_dir() && deep {
            removed += empty(&file, deep, torn)?;
        } else if is.is_file() && is.len() == 0 && torn(&file) {
            warn!("{} is empty, as a power cut leaves it: removed, k3s makes it again", file.display());
            fs::remove_file(&file)?;
            removed += 1;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_empty_keys_and_certificates_go() {
        let data = tempfile::tempdir().unwrap();
        let put = |name: &str, content: &str| {
            let file = data.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        };
        let torn = [
            "server/tls/server-ca.key",
            "server/tls/dynamic-cert.json",
            "server/tls/etcd/peer-ca.crt",
            "agent/client-kubelet.crt",
            "agent/kubelet.kubeconfig",
        ];
        let kept = [
            ("server/tls/server-ca.crt", "PEM"),
            ("agent/serving-kubelet.key", "PEM"),
            ("agent/etc/containerd/config.toml", ""),
            ("agent/etc/x.crt", ""),
            ("agent/containerd/x", ""),
            ("agent/images/.cache.json", ""),
            ("server/token", ""),
            ("server/db/state.db-wal", ""),
            ("storage/of-a-pod/empty.key", ""),
        ];
        for (name, content) in torn.iter().map(|name| (name, &"")).chain(kept.iter().map(|(n, c)| (n, c))) {
            put(name, content);
        }
        symlink(data.path().join("server/token"), data.path().join("server/tls/link.key")).unwrap();

        assert_eq!(remove_below(data.path()).unwrap(), torn.len());
        assert!(torn.iter().all(|name| !data.path().join(name).exists()));
        assert!(kept.iter().all(|(name, _)| data.path().join(name).exists()));
        assert!(data.path().join("server/tls/link.key").exists());
        assert_eq!(remove_below(data.path()).unwrap(), 0);
        assert_eq!(remove_below(&data.path().join("missing")).unwrap(), 0);
    }
}
