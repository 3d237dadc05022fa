//! Docker, through its API.

mod act;
mod exec;
mod list;
mod log;
pub mod observe;
mod port;
pub mod spec;

pub use exec::{Output, Watch};
pub use log::LogRequest;

use crate::error::Error;
use bollard::Docker;
use std::path::Path;

/// A connection to a Docker daemon.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: Docker,
    /// Whether the daemon's ports are this machine's ports.
    local: bool,
}

/// Where Docker listens unless `DOCKER_HOST` says otherwise.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

impl Engine {
    /// Connects to `docker_host` (the value of `DOCKER_HOST`) or the usual socket, and agrees on the
    /// API's version.
    ///
    /// # Errors
    /// Nobody answers there; the error lists other sockets below `home`.
    pub async fn connect(docker_host: Option<String>, home: Option<&Path>) -> Result<Self, Error> {
        let host = docker_host.filter(|h| !h.trim().is_empty()).unwrap_or_else(|| DEFAULT_HOST.to_owned());
        let unavailable = |e: &bollard::errors::Error| Error::DockerUnavailable {
            host: host.clone(),
            cause: chain(e),
            others: other_sockets(&host, home),
        };
        let docker = Docker::connect_with_host(&host).map_err(|e| unavailable(&e))?;
        let docker = docker.negotiate_version().await.map_err(|e| unavailable(&e))?;
        Ok(Self { docker, local: host.starts_with("unix://") })
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

fn other_sockets(tried: &str, home: Option<&Path>) -> Vec<String> {
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
        .filter(|path| path.exists() && format!("unix://{}", path.display()) != tried)
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
        let found = other_sockets(DEFAULT_HOST, Some(home.path()));
        assert_eq!(found, [socket.display().to_string()]);
    }

    #[tokio::test]
    async fn nobody_there_is_said_so() {
        let error = Engine::connect(Some("unix:///nowhere/docker.sock".to_owned()), None).await.unwrap_err();
        assert_eq!(error.exit_code(), crate::exit::DOCKER_UNAVAILABLE);
        assert!(error.render().contains("/nowhere/docker.sock"), "{}", error.render());
    }
}
