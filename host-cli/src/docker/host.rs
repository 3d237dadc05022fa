//! Where Docker is: `DOCKER_HOST`, else a Docker context, else the usual socket.
//!
//! The order and the files are those of Docker's own command (docs.docker.com, "Docker contexts").

use crate::digest;
use crate::error::Error;
use serde::Deserialize;
use std::collections::HashMap;
use std::env::{var, var_os};
use std::fs;
use std::path::{Path, PathBuf};

/// Where Docker listens unless somebody says otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// What the environment says about Docker.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `DOCKER_HOST`.
    pub host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub context: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` is set.
    pub tls: bool,
    /// `DOCKER_CONFIG`, else `.docker` below the home directory.
    pub config: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
}

/// A daemon's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The URL.
    pub url: String,
    /// The Docker context that names it.
    pub context: Option<String>,
}

impl Environment {
    /// Of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let set = |name| var(name).ok().filter(|v: &String| !v.trim().is_empty());
        let home = var_os("HOME").map(PathBuf::from);
        Self {
            host: set("DOCKER_HOST"),
            context: set("DOCKER_CONTEXT"),
            tls: set("DOCKER_TLS_VERIFY").is_some(),
            config: set("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".docker"))),
            home,
        }
    }

    /// Finds the daemon.
    ///
    /// # Errors
    /// [`Error::DockerContext`]: the context can't be read, or wants TLS.
    pub fn resolve(&self) -> Result<Host, Error> {
        if let Some(url) = &self.host {
            return refuse_tls(Host { url: url.clone(), context: None }, self.tls);
        }
        let chosen = self.context.clone().or_else(|| current(self.config.as_deref()?));
        match chosen.filter(|name| name != "default") {
            None => Ok(Host { url: DEFAULT_HOST.to_owned(), context: None }),
            Some(name) => of_context(&name, self.config.as_deref()),
        }
    }
}

impl Host {
    /// Whether the daemon's ports and files are this machine's.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.url.starts_with("unix://")
    }

    /// The machine behind it, with its user if there is one; nothing if it is this one.
    #[must_use]
    pub fn remote(&self) -> Option<&str> {
        let (_, rest) = self.url.split_once("://").filter(|_| !self.is_local())?;
        Some(rest.split('/').next().unwrap_or(rest))
    }
}

/// The context that `docker context use` chose.
fn current(config: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "currentContext")]
        current: Option<String>,
    }
    // What can't be read chooses nothing, as with Docker's own command.
    let text = fs::read(config.join("config.json")).ok()?;
    serde_json::from_slice::<Config>(&text).ok()?.current.filter(|name| !name.is_empty())
}

fn of_context(name: &str, config: Option<&Path>) -> Result<Host, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Meta {
        endpoints: HashMap<String, Endpoint>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Endpoint {
        host: String,
    }
    let broken = |cause: String| Error::DockerContext { context: name.to_owned(), cause };
    let config = config.ok_or_else(|| broken("neither DOCKER_CONFIG nor HOME is set".to_owned()))?;
    let id = digest::sha256(name.as_bytes());
    let path = config.join("contexts/meta").join(&id).join("meta.json");
    let text = fs::read(&path).map_err(|e| broken(format!("{}: {e}", path.display())))?;
    let meta: Meta = serde_json::from_slice(&text).map_err(|e| broken(format!("{}: {e}", path.display())))?;
    let endpoint =
        meta.endpoints.get("docker").ok_or_else(|| broken("it has no Docker endpoint".to_owned()))?;
    let tls = config.join("contexts/tls").join(&id).join("docker").exists();
    refuse_tls(Host { url: endpoint.host.clone(), context: Some(name.to_owned()) }, tls)
}

/// Docker's own TLS is not spoken: SSH does the same with the keys that people have.
fn refuse_tls(host: Host, tls: bool) -> Result<Host, Error> {
    if tls && !host.is_local() && !host.url.starts_with("ssh://") {
        let cause = format!("{} wants TLS, which this command doesn't speak", host.url);
        return Err(Error::DockerContext {
            context: host.context.unwrap_or_else(|| "default".to_owned()),
            cause,
        });
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory as `docker context create box --docker host=URL` and `docker context use` leave it.
    fn with_context(name: &str, url: &str, current: bool) -> (tempfile::TempDir, Environment) {
        let dir = tempfile::tempdir().unwrap();
        let meta = dir.path().join("contexts/meta").join(digest::sha256(name.as_bytes()));
        fs::create_dir_all(&meta).unwrap();
        let json = serde_json::json!({
            "Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": url, "SkipTLSVerify": false}},
        });
        fs::write(meta.join("meta.json"), json.to_string()).unwrap();
        if current {
            fs::write(dir.path().join("config.json"), format!(r#"{{"currentContext":"{name}"}}"#)).unwrap();
        }
        let config = Some(dir.path().to_owned());
        (dir, Environment { config, ..Environment::default() })
    }

    #[test]
    fn the_variable_wins_over_the_context_and_that_over_the_usual_socket() {
        let (_dir, current) = with_context("box", "ssh://me@box.example:2222", true);
        let found = current.resolve().unwrap();
        assert_eq!(
            (found.url.as_str(), found.context.as_deref()),
            ("ssh://me@box.example:2222", Some("box"))
        );
        assert_eq!((found.remote(), found.is_local()), (Some("me@box.example:2222"), false));
        let url = |e: &Environment| e.resolve().unwrap().url;
        let host = Some("unix:///x.sock".to_owned());
        assert_eq!(url(&Environment { host, ..current.clone() }), "unix:///x.sock");
        assert_eq!(url(&Environment { context: Some("default".to_owned()), ..current }), DEFAULT_HOST);
        let (_dir, named) = with_context("box", "unix:///y.sock", false);
        assert_eq!(url(&named), DEFAULT_HOST);
        assert_eq!(url(&Environment { context: Some("box".to_owned()), ..named }), "unix:///y.sock");
        assert_eq!(url(&Environment::default()), DEFAULT_HOST);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let (_dir, mut environment) = with_context("box", "tcp://box.example:2376", false);
        environment.context = Some("gone".to_owned());
        assert!(environment.resolve().unwrap_err().render().contains("gone"));
        let tls = Environment { host: Some("tcp://a:2376".to_owned()), tls: true, ..Environment::default() };
        assert!(tls.resolve().unwrap_err().render().contains("TLS"));
        assert!(Environment { tls: false, ..tls }.resolve().is_ok());
    }
}
