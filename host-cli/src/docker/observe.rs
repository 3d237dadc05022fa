//! What Docker has under a gateway's name.

use super::{Engine, optional, request, spec};
use crate::error::Error;
use crate::name::GatewayName;
use crate::plan::{Container, Network, Observed, Owner, State};
use crate::settings::{OPTIONS_LABEL, Settings};
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, ImageInspect};
use bollard::query_parameters::InspectContainerOptions;
use openshell_contract::names::host;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

/// Whether and how a container runs, at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Docker's state of it.
    pub state: State,
    /// How often Docker started it again by itself.
    pub restarts: i64,
    /// How it ended the last time.
    pub exit_code: i64,
    /// Whether the kernel killed it for want of memory.
    pub out_of_memory: bool,
}

/// A gateway among others.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Docker's state of its container, if it has one.
    pub state: Option<State>,
    /// Docker's word for the health of a running container, if it has one.
    pub health: Option<String>,
    /// What its container was made with.
    pub settings: Option<Settings>,
}

impl Engine {
    /// A container as Docker describes it, if there is one.
    ///
    /// # Errors
    /// Docker refuses to say.
    pub async fn inspect(&self, container: &str) -> Result<Option<ContainerInspectResponse>, Error> {
        optional(self.docker.inspect_container(container, None::<InspectContainerOptions>).await)
            .map_err(request("inspect container", container))
    }

    /// Everything under `name` but the wanted image and port.
    ///
    /// # Errors
    /// Docker refuses to say.
    pub async fn observe(&self, name: &GatewayName) -> Result<Observed, Error> {
        let object = name.object();
        let mut observed = Observed {
            container: self.inspect(&object).await?.map(|c| container(name, &c)),
            previous: self.inspect(&name.previous()).await?.map(|c| container(name, &c)),
            failed: self.inspect(&name.failed()).await?.map(|c| container(name, &c)),
            ..Observed::default()
        };
        let volume = optional(self.docker.inspect_volume(&object).await)
            .map_err(request("inspect volume", &object))?;
        observed.volume = volume.map_or(Owner::Absent, |v| owner(name, &v.labels));
        observed.networks = self
            .networks(name)
            .await?
            .into_iter()
            .map(|n| Network {
                id: n.id.unwrap_or_default(),
                owner: owner(name, &n.labels.unwrap_or_default()),
            })
            .collect();
        Ok(observed)
    }

    /// An image, if it is here.
    ///
    /// # Errors
    /// Docker refuses to say.
    pub async fn image(&self, image: &str) -> Result<Option<ImageInspect>, Error> {
        optional(self.docker.inspect_image(image).await).map_err(request("inspect image", image))
    }
}

/// Whether and how `container` runs.
#[must_use]
pub fn run(container: &ContainerInspectResponse) -> Run {
    let state = container.state.as_ref();
    Run {
        state: self::state(state.and_then(|s| s.status)),
        restarts: container.restart_count.unwrap_or_default(),
        exit_code: state.and_then(|s| s.exit_code).unwrap_or_default(),
        out_of_memory: state.and_then(|s| s.oom_killed).unwrap_or_default(),
    }
}

/// The settings that `container` was made with, if it is a gateway's of this command.
#[must_use]
pub fn settings(container: &ContainerInspectResponse) -> Option<Settings> {
    let config = container.config.as_ref()?;
    let options = serde_json::from_str(config.labels.as_ref()?.get(OPTIONS_LABEL)?).ok()?;
    let bindings = container.host_config.as_ref()?.port_bindings.as_ref()?;
    let binding = bindings.get(&spec::container_port())?.as_ref()?.first()?;
    let bind = binding.host_ip.as_deref().and_then(|ip| ip.parse().ok());
    let port = binding.host_port.as_deref()?.parse().ok()?;
    let env: BTreeMap<_, _> = config
        .env
        .iter()
        .flatten()
        .filter_map(|pair| pair.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    let bind = bind.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    Some(Settings::of_container(config.image.clone()?, (bind, port), options, &env))
}

fn container(name: &GatewayName, inspected: &ContainerInspectResponse) -> Container {
    let config = inspected.config.clone().unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    let networks = inspected.network_settings.as_ref().and_then(|n| n.networks.as_ref());
    Container {
        id: inspected.id.clone().unwrap_or_default(),
        ours: owner(name, &labels) == Owner::Ours,
        state: run(inspected).state,
        image_ref: config.image.unwrap_or_default(),
        image_id: inspected.image.clone().unwrap_or_default(),
        settings: labels.get(host::SETTINGS_LABEL).cloned().unwrap_or_default(),
        network: networks.and_then(|n| n.get(&name.object())).and_then(|e| e.network_id.clone()),
    }
}

fn owner(name: &GatewayName, labels: &HashMap<String, String>) -> Owner {
    let managed = labels.get(host::MANAGED_BY_LABEL).is_some_and(|v| v == host::MANAGED_BY);
    match labels.get(host::GATEWAY_LABEL) {
        Some(gateway) if managed && gateway == name.as_str() => Owner::Ours,
        Some(gateway) if managed => Owner::Foreign(format!("gateway {gateway}")),
        _ if labels.is_empty() => Owner::Unlabeled,
        _ => {
            let mut others: Vec<_> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            others.sort();
            Owner::Foreign(format!("somebody else ({})", others.join(", ")))
        }
    }
}

const fn state(status: Option<ContainerStateStatusEnum>) -> State {
    use ContainerStateStatusEnum as Docker;
    match status {
        Some(Docker::RUNNING | Docker::STOPPING) => State::Running,
        Some(Docker::PAUSED) => State::Paused,
        Some(Docker::RESTARTING) => State::Restarting,
        Some(Docker::REMOVING) => State::Removing,
        Some(Docker::DEAD) => State::Dead,
        Some(Docker::CREATED) => State::Created,
        Some(Docker::EXITED | Docker::EMPTY) | None => State::Exited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn labels_tell_whose_it_is() {
        let name: GatewayName = "a".parse().unwrap();
        assert_eq!(owner(&name, &spec::labels(&name)), Owner::Ours);
        assert_eq!(owner(&name, &labels(&[])), Owner::Unlabeled);
        assert!(
            matches!(owner(&name, &spec::labels(&"b".parse().unwrap())), Owner::Foreign(w) if w == "gateway b")
        );
        assert!(matches!(owner(&name, &labels(&[("x", "y")])), Owner::Foreign(w) if w.contains("x=y")));
        assert!(matches!(owner(&name, &labels(&[(host::GATEWAY_LABEL, "a")])), Owner::Foreign(_)));
    }
}
