//! The steps of a plan, one request each. A step whose effect is already there counts as done.

use super::{Engine, credentials, request, spec};
use crate::error::Error;
use crate::machine::Access;
use crate::name::GatewayName;
use crate::settings::Settings;
use crate::settings::registry::{self, Login};
use bollard::errors::Error as DockerError;
use bollard::models::{
    NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest, VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptions, CreateImageOptions, RemoveContainerOptions, RemoveVolumeOptions,
    RenameContainerOptions, StartContainerOptions, StopContainerOptions,
};
use futures_util::StreamExt;
use std::time::Duration;

/// How long Docker waits at a stop of a container that says nothing, in seconds.
const DOCKERS_OWN: i64 = 10;
/// Docker's own longest patience for an answer, above the time that a stop may take.
const MARGIN: Duration = Duration::from_secs(30);

impl Engine {
    /// Pulls `image` as `login`, else as `docker login` has kept it, with a word at each change of what is
    /// going on.
    ///
    /// # Errors
    /// [`Error::ImageMissing`], whatever the reason.
    pub async fn pull(
        &self,
        image: &str,
        login: Option<&Login>,
        mut progress: impl FnMut(&str),
    ) -> Result<(), Error> {
        let registry = registry::of_image(image);
        let credentials = match login {
            Some(login) => Some(credentials::of_login(login, registry)),
            None => credentials::of_docker(self.config.as_deref(), registry),
        };
        let options =
            CreateImageOptions { from_image: Some(with_tag(image)), ..CreateImageOptions::default() };
        let mut stream = std::pin::pin!(self.docker.create_image(Some(options), None, credentials));
        while let Some(step) = stream.next().await {
            let step =
                step.map_err(|e| Error::ImageMissing { image: image.to_owned(), cause: super::chain(&e) })?;
            if let Some(status) = step.status {
                progress(&status);
            }
        }
        Ok(())
    }

    /// Creates the network of `name`.
    ///
    /// # Errors
    /// Docker's.
    pub async fn create_network(&self, name: &GatewayName) -> Result<(), Error> {
        let config = NetworkCreateRequest {
            name: name.object(),
            driver: Some("bridge".to_owned()),
            attachable: Some(true),
            labels: Some(spec::labels(name)),
            ..NetworkCreateRequest::default()
        };
        self.docker.create_network(config).await.map_err(request("create network", &name.object()))?;
        Ok(())
    }

    /// Creates the volume of `name`; an existing one stays as it is.
    ///
    /// # Errors
    /// Docker's.
    pub async fn create_volume(&self, name: &GatewayName) -> Result<(), Error> {
        let config = VolumeCreateRequest {
            name: Some(name.object()),
            labels: Some(spec::labels(name)),
            ..VolumeCreateRequest::default()
        };
        self.docker.create_volume(config).await.map_err(request("create volume", &name.object()))?;
        Ok(())
    }

    /// Creates the container of `name`.
    ///
    /// # Errors
    /// Docker's.
    pub async fn create_container(
        &self,
        name: &GatewayName,
        settings: &Settings,
        gpus: Option<&Access>,
    ) -> Result<(), Error> {
        let options =
            CreateContainerOptions { name: Some(name.object()), ..CreateContainerOptions::default() };
        let body = spec::container(name, settings, gpus);
        let made = self.docker.create_container(Some(options), body).await;
        made.map_err(request("create container", &name.object()))?;
        Ok(())
    }

    /// Starts `container`. Docker frees a port some time after its last holder ended, so a port
    /// that is still taken is asked for again.
    ///
    /// # Errors
    /// Docker's.
    pub async fn start(&self, container: &str) -> Result<(), Error> {
        let mut wait = Duration::from_millis(250);
        loop {
            match self.docker.start_container(container, None::<StartContainerOptions>).await {
                Err(e) if is_port_taken(&e) && wait < Duration::from_secs(4) => {
                    tokio::time::sleep(wait).await;
                }
                result => return done(result, &[304]).map_err(request("start container", container)),
            }
            wait *= 2;
        }
    }

    /// Lets the frozen `container` go on.
    ///
    /// # Errors
    /// Docker's.
    pub async fn unpause(&self, container: &str) -> Result<(), Error> {
        self.docker.unpause_container(container).await.map_err(request("unpause container", container))
    }

    /// Stops `container` within `timeout` seconds, or its own stop timeout.
    ///
    /// # Errors
    /// Docker's.
    pub async fn stop(&self, container: &str, timeout: Option<i32>) -> Result<(), Error> {
        let patience = if let Some(seconds) = timeout {
            i64::from(seconds)
        } else {
            let config = self.inspect(container).await?.and_then(|c| c.config);
            config.and_then(|c| c.stop_timeout).unwrap_or(DOCKERS_OWN)
        };
        let patience = Duration::from_secs(patience.unsigned_abs()) + MARGIN;
        let docker = self.docker.clone().with_timeout(patience);
        let options = StopContainerOptions { t: timeout, ..StopContainerOptions::default() };
        let stopped = docker.stop_container(container, Some(options)).await;
        done(stopped, &[304]).map_err(request("stop container", container))
    }

    /// Renames `container`.
    ///
    /// # Errors
    /// Docker's.
    pub async fn rename(&self, container: &str, to: String) -> Result<(), Error> {
        let renamed = self.docker.rename_container(container, RenameContainerOptions { name: to }).await;
        renamed.map_err(request("rename container", container))
    }

    /// Removes `container`, running or not. Its named volumes stay.
    ///
    /// # Errors
    /// Docker's.
    pub async fn remove_container(&self, container: &str) -> Result<(), Error> {
        let options = RemoveContainerOptions { force: true, ..RemoveContainerOptions::default() };
        let removed = self.docker.remove_container(container, Some(options)).await;
        done(removed, &[404]).map_err(request("remove container", container))
    }

    /// Removes a network.
    ///
    /// # Errors
    /// Docker's.
    pub async fn remove_network(&self, network: &str) -> Result<(), Error> {
        done(self.docker.remove_network(network).await, &[404]).map_err(request("remove network", network))
    }

    /// Removes a volume with all its data.
    ///
    /// # Errors
    /// Docker's.
    pub async fn remove_volume(&self, volume: &str) -> Result<(), Error> {
        let removed = self.docker.remove_volume(volume, None::<RemoveVolumeOptions>).await;
        done(removed, &[404]).map_err(request("remove volume", volume))
    }

    /// Attaches the container of `name` to the network of today. A container remembers its network by
    /// ID, so one whose network was made anew can't be started; its old endpoint goes by name.
    ///
    /// # Errors
    /// Docker's.
    pub async fn reconnect(&self, name: &GatewayName) -> Result<(), Error> {
        let object = name.object();
        let gone = NetworkDisconnectRequest { container: object.clone(), force: Some(true) };
        // There may be no endpoint left to remove; connecting tells whether all is well.
        drop(self.docker.disconnect_network(&object, gone).await);
        let config = NetworkConnectRequest { container: object.clone(), ..NetworkConnectRequest::default() };
        let connected = self.docker.connect_network(&object, config).await;
        connected.map_err(request("attach to its network container", &object))
    }
}

/// A missing tag would pull every tag of the repository.
fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

fn is_port_taken(error: &DockerError) -> bool {
    matches!(error, DockerError::DockerResponseServerError { status_code: 500, message }
        if message.contains("port is already allocated"))
}

/// Counts the status codes `fine` as done.
fn done(result: Result<(), DockerError>, fine: &[u16]) -> Result<(), DockerError> {
    match result {
        Err(DockerError::DockerResponseServerError { status_code, .. }) if fine.contains(&status_code) => {
            Ok(())
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::with_tag;

    #[test]
    fn only_a_bare_repository_gets_a_tag() {
        assert_eq!(with_tag("host:5000/a/b"), "host:5000/a/b:latest");
        assert_eq!(with_tag("a/b:dev"), "a/b:dev");
        assert_eq!(with_tag("a@sha256:0"), "a@sha256:0");
    }
}
