//! Who the node is: its name, and the password by which the cluster knows it again.

use crate::failure::{Context, Failure};
use crate::files;
use openshell_contract::names::{MAX_NODE_NAME, path};
use openshell_contract::reason::Reason;
use openshell_contract::settings::Settings;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Directory of the node password (k3s `pkg/agent/config`).
const NODE_DIR: &str = "/etc/rancher/node";

/// The node's name: the setting's, or the one that it had in the `last` run on the volume, or the container's
/// hostname.
pub fn name(settings: &Settings, last: Option<&str>) -> Result<String, Failure> {
    if let Some(name) = settings.node_name.as_deref().or(last) {
        return Ok(name.to_owned());
    }
    let host = nix::unistd::gethostname().failing(Reason::NodePreparation, || "can't read the hostname")?;
    let mut name = host.to_string_lossy().to_ascii_lowercase();
    name.truncate(MAX_NODE_NAME);
    Ok(name)
}

/// Moves k3s's node password into the volume: a new container on the same volume is then the same node,
/// and k3s accepts it.
pub fn keep_password() -> Result<(), Failure> {
    let kept = Path::new(path::STATE).join("node");
    move_into(Path::new(NODE_DIR), &kept)
        .failing(Reason::StateUnusable, || format!("can't keep {NODE_DIR} in {}", kept.display()))
}

/// Makes `dir` a link to `kept`. What is in `kept` wins; a password of an older container is taken over.
fn move_into(dir: &Path, kept: &Path) -> std::io::Result<()> {
    files::make_dir(kept, 0o700)?;
    if dir.is_symlink() && fs::read_link(dir)? == kept {
        return Ok(());
    }
    let password = kept.join("password");
    if let Some(old) = files::read_if_there(&dir.join("password"))?
        && !password.exists()
    {
        files::replace_durably(&password, old.as_bytes(), 0o600)?;
    }
    if dir.is_symlink() {
        fs::remove_file(dir)?;
    } else if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent)?;
    }
    symlink(kept, dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volume_keeps_the_password_of_the_first_container() {
        let dir = tempfile::tempdir().unwrap();
        let (etc, kept) = (dir.path().join("etc/node"), dir.path().join("volume"));
        fs::create_dir_all(&etc).unwrap();
        fs::write(etc.join("password"), "first").unwrap();
        move_into(&etc, &kept).unwrap();
        assert_eq!(fs::read_to_string(etc.join("password")).unwrap(), "first");
        move_into(&etc, &kept).unwrap();

        fs::remove_file(&etc).unwrap();
        fs::create_dir(&etc).unwrap();
        fs::write(etc.join("password"), "of another container").unwrap();
        move_into(&etc, &kept).unwrap();
        assert_eq!(fs::read_to_string(etc.join("password")).unwrap(), "first");
    }
}
