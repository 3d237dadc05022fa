//! The client's certificates.

use super::{ConfigDir, make_dir, write_new};
use crate::error::Error;
use crate::name::GatewayName;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const KEY: &str = "tls.key";
const FILES: [&str; 3] = ["ca.crt", "tls.crt", KEY];

/// Trust, certificate and private key of a client. The key is never shown.
pub struct Certificates(BTreeMap<&'static str, Vec<u8>>);

impl Certificates {
    /// Reads what `openshell-init export-client` wrote.
    ///
    /// # Errors
    /// It is no tar, or a file is missing or empty.
    pub fn from_tar(tar: &[u8]) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        let unreadable = |e: io::Error| format!("the exported tar can't be read: {e}");
        for entry in tar::Archive::new(tar).entries().map_err(unreadable)? {
            let mut entry = entry.map_err(unreadable)?;
            let path = entry.path().map_err(unreadable)?.into_owned();
            if let Some(name) = FILES.into_iter().find(|f| path == Path::new(f)) {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).map_err(unreadable)?;
                files.insert(name, content);
            }
        }
        match FILES.iter().find(|f| files.get(**f).is_none_or(Vec::is_empty)) {
            Some(missing) => Err(format!("the exported tar has no {missing}")),
            None => Ok(Self(files)),
        }
    }
}

impl Certificates {
    /// Writes the files into `dir`, which is made if it isn't there. Other files in it stay.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        make_dir(dir)?;
        for (file, content) in &self.0 {
            let path = dir.join(file);
            let mode = if *file == KEY { 0o600 } else { 0o644 };
            write_new(&path, content, mode).map_err(|source| Error::File {
                action: "write",
                path,
                source,
            })?;
        }
        Ok(())
    }
}

impl ConfigDir {
    /// The directory of the certificates of `name`.
    #[must_use]
    pub fn certificates(&self, name: &GatewayName) -> PathBuf {
        self.gateway(name).join("mtls")
    }

    /// Stores `certificates` of `name`, all together or not at all. Tells whether they are others
    /// than before.
    ///
    /// # Errors
    /// A file can't be written; what was there before is still there.
    pub fn store_certificates(&self, name: &GatewayName, certificates: &Certificates) -> Result<bool, Error> {
        let dir = self.gateway(name);
        make_dir(&dir)?;
        let (live, fresh, old) = (self.certificates(name), dir.join("mtls.tmp"), dir.join("mtls.bak"));
        let is_stored =
            |(file, content): (&&str, &Vec<u8>)| fs::read(live.join(file)).is_ok_and(|c| c == *content);
        if certificates.0.iter().all(is_stored) {
            return Ok(false);
        }
        let fail = |action, path: &Path| {
            let path = path.to_owned();
            move |source| Error::File { action, path, source }
        };
        remove_dir(&fresh).map_err(fail("remove", &fresh))?;
        certificates.write(&fresh)?;
        remove_dir(&old).map_err(fail("remove", &old))?;
        match fs::rename(&live, &old) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(fail("replace", &live)(e)),
            _ => {}
        }
        if let Err(e) = fs::rename(&fresh, &live) {
            drop(fs::rename(&old, &live));
            return Err(fail("replace", &live)(e));
        }
        remove_dir(&old).map_err(fail("remove", &old))?;
        Ok(true)
    }
}

fn remove_dir(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
