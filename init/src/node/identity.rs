//! Who the node is: its name, and the password by which the cluster knows it again.

use crate::failure::{Context, Failure};
use crate::files;
use crate::hex::hex;
use crate::kept::Kept;
use openshell_contract::names::{MAX_NODE_NAME, path};
use openshell_contract::reason::Reason;
use openshell_contract::settings::Settings;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use zeroize::Zeroizing;

/// Directory of the node password (k3s `pkg/agent/config`).
const NODE_DIR: &str = "/etc/rancher/node";
/// Length of a password before it is written in hexadecimal.
const PASSWORD_BYTES: usize = 16;

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

/// Keeps k3s's node password in the volume: a new container on the same volume is then the same node,
/// and k3s accepts it.
pub fn keep_password() -> Result<(), Failure> {
    let state = Path::new(path::STATE);
    let kept = state.join("node");
    move_into(Path::new(NODE_DIR), &kept)
        .failing(Reason::StateUnusable, || format!("can't keep {NODE_DIR} in {}", kept.display()))?;
    ensure_password(state)
}

/// Makes the password where k3s would (k3s `pkg/agent/config`, in the same form), but on disk before the
/// cluster can know it. k3s doesn't flush the file: a power cut then leaves an empty one beside a Secret
/// with the hash of what it was, and the node is rejected for good.
fn ensure_password(state: &Path) -> Result<(), Failure> {
    let file = Kept::Password.path_in(state);
    let torn = |text: &String| text.chars().all(|c| c.is_whitespace() || c == '\0');
    let there = files::read_if_there(&file)
        .failing(Reason::StateUnusable, || format!("can't read {}", file.display()))?;
    if there.is_some_and(|text| !torn(&text)) {
        return Kept::Password.secure(state);
    }
    let mut text = Zeroizing::new(hex(&*Zeroizing::new(rand::random::<[u8; PASSWORD_BYTES]>())));
    text.push('\n');
    Kept::Password.write_in(state, text.as_bytes())
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

    #[test]
    fn a_missing_or_torn_password_is_made_and_a_good_one_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("node")).unwrap();
        let file = dir.path().join("node/password");
        ensure_password(dir.path()).unwrap();
        let first = fs::read_to_string(&file).unwrap();
        assert_eq!(first.len(), 2 * PASSWORD_BYTES + 1);
        ensure_password(dir.path()).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), first);
        for torn in ["", "\n", "\0\0\0"] {
            fs::write(&file, torn).unwrap();
            ensure_password(dir.path()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap().len(), first.len());
        }
    }
}
