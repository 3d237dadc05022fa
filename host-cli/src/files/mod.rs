//! The files that clients read, where the upstream client looks for them:
//! `$XDG_CONFIG_HOME/openshell/gateways/<name>/{mtls/{ca.crt,tls.crt,tls.key},metadata.json}` and
//! `$XDG_CONFIG_HOME/openshell/active_gateway`. Every file is there in whole or not at all.

mod certificates;
mod held;
mod metadata;
#[cfg(test)]
mod tests;

pub use certificates::Certificates;
pub use held::Held;
pub use metadata::Metadata;

use crate::error::Error;
use crate::name::GatewayName;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The directory of everything.
#[derive(Clone, Debug)]
pub struct ConfigDir(PathBuf);

impl ConfigDir {
    /// From the values of `XDG_CONFIG_HOME` and `HOME`.
    ///
    /// # Errors
    /// [`Error::NoHome`].
    pub fn new(xdg_config_home: Option<OsString>, home: Option<OsString>) -> Result<Self, Error> {
        let set = |value: Option<OsString>| value.filter(|v| !v.is_empty()).map(PathBuf::from);
        // The specification wants relative paths ignored.
        let xdg = set(xdg_config_home).filter(|p| p.is_absolute());
        let base = xdg.or_else(|| set(home).map(|home| home.join(".config"))).ok_or(Error::NoHome)?;
        Ok(Self(base.join("openshell")))
    }

    /// The gateway that clients use when told nothing.
    #[must_use]
    pub fn active(&self) -> Option<String> {
        fs::read_to_string(self.0.join("active_gateway")).ok().map(|name| name.trim().to_owned())
    }

    /// The directory of `name`.
    #[must_use]
    pub fn gateway(&self, name: &GatewayName) -> PathBuf {
        self.0.join("gateways").join(name.as_str())
    }

    /// Makes `name` the gateway that clients use when told nothing.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn set_active(&self, name: &GatewayName) -> Result<(), Error> {
        make_dir(&self.0)?;
        replace(&self.0.join("active_gateway"), name.as_str().as_bytes(), 0o644)
    }

    /// Removes what is known of `name`; other files in its directory (tokens of the client) stay.
    /// Gives the failure for every file that can't be removed.
    #[must_use]
    pub fn forget(&self, name: &GatewayName) -> Vec<Error> {
        let dir = self.gateway(name);
        let mut failures = Vec::new();
        let mut note = |path: PathBuf, result: io::Result<()>| match result {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                failures.push(Error::File { action: "remove", path, source });
            }
            _ => {}
        };
        let mtls = dir.join("mtls");
        note(mtls.clone(), fs::remove_dir_all(&mtls));
        let metadata = dir.join("metadata.json");
        note(metadata.clone(), fs::remove_file(&metadata));
        let active = self.0.join("active_gateway");
        if self.active().is_some_and(|a| a == name.as_str()) {
            note(active.clone(), fs::remove_file(&active));
        }
        // Only if nothing else is in it.
        drop(fs::remove_dir(dir));
        failures
    }
}

/// Makes a directory for our eyes only, with its parents.
fn make_dir(path: &Path) -> Result<(), Error> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| Error::File { action: "create", path: path.to_owned(), source })
}

/// Writes `path` anew, with `mode`; a reader sees the old content or the new.
fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let temporary = path.with_extension(format!("tmp{}", std::process::id()));
    let written = write_new(&temporary, content, mode).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        drop(fs::remove_file(&temporary));
        Error::File { action: "write", path: path.to_owned(), source }
    })
}

/// Writes a file that did not exist, to the disk.
fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
