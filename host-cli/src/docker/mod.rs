//! Docker, through its API.

mod act;
mod credentials;
mod describe;
mod exec;
pub mod host;
mod list;
mod log;
mod machine;
pub mod observe;
mod port;
pub mod spec;
mod ssh;

pub use exec::{Output, Watch};
pub use log::LogRequest;

use crate::error::Error;
use bollard::Docker;
use host::{Environment, Host};
use ssh::Tunnel;
use std::path::{Path, PathBuf};

/// A connection to a Docker daemon.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: Docker,
    host: Host,
    /// Docker's own directory, with the logins to registries.
    config: Option<PathBuf>,
    /// What leads to a daemon behind SSH.
    _tunnel: Option<Tunnel>,
}

impl Engine {
    /// Connects to where `environment` says, and agrees on the API's version.
    ///
    /// # Errors
    /// Nobody answers there; the error lists other sockets of this machine.
    pub async fn connect(environment: &Environment) -> Result<Self, Error> {
        let host = environment.resolve()?;
        let unavailable = |e: &bollard::errors::Error| Error::DockerUnavailable {
            host: host.url.clone(),
            cause: chain(e),
            others: other_sockets(&host, environment.home.as_deref()),
        };
        let tunnel = if host.url.starts_with("ssh://") {
            Some(Tunnel::open(&host.url).map_err(|e| unavailable(&e.into()))?)
        } else {
            None
        };
        let url = tunnel.as_ref().map_or_else(|| host.url.clone(), Tunnel::url);
        let docker = Docker::connect_with_host(&url).map_err(|e| unavailable(&e))?;
        let docker = docker.negotiate_version().await.map_err(|e| unavailable(&e))?;
        Ok(Self { docker, host, config: environment.config.clone(), _tunnel: tunnel })
    }

    /// Where the daemon is.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }
}

/// The error and what it rests on: the client library's outermost text alone says little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

fn other_sockets(tried: &Host, home: Option<&Path>) -> Vec<String> {
    if !tried.is_local() {
        return Vec::new();
    }
    let usual = [
        ".colima/default/docker.sock",
        ".colima/docker.sock",
        ".orbstack/run/docker.sock",
        ".docker/run/docker.sock",
    ];
    let mut candidates = vec![Path::new("/var/run/docker.sock").to_owned()];
    candidates.extend(home.iter().flat_map(|home| usual.iter().map(|u| home.join(u))));
    candidates
        .into_iter()
        .filter(|path| path.exists() && format!("unix://{}", path.display()) != tried.url)
        .map(|path| path.display().to_string())
        .collect()
}

/// Names the request that failed.
fn request(action: &'static str, object: &str) -> impl FnOnce(bollard::errors::Error) -> Error {
    let object = object.to_owned();
    move |source| Error::Docker { action, object, source }
}

/// Docker's "there is none" as nothing; everything else stays an error.
fn optional<T>(result: Result<T, bollard::errors::Error>) -> Result<Option<T>, bollard::errors::Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_elsewhere_are_found() {
        let home = tempfile::tempdir().unwrap();
        let socket = home.path().join(".orbstack/run/docker.sock");
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        std::fs::write(&socket, "").unwrap();
        let tried = Host { url: host::DEFAULT_HOST.to_owned(), context: None };
        let found = other_sockets(&tried, Some(home.path()));
        assert_eq!(found, [socket.display().to_string()]);
    }

    #[tokio::test]
    async fn nobody_there_is_said_so() {
        let host = Some("unix:///nowhere/docker.sock".to_owned());
        let environment = Environment { host, ..Environment::default() };
        let error = Engine::connect(&environment).await.unwrap_err();
        assert_eq!(error.exit_code(), crate::exit::DOCKER_UNAVAILABLE);
        assert!(error.render().contains("/nowhere/docker.sock"), "{}", error.render());
    }
}
