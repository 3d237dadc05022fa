//! All gateways that Docker has, by their labels.

use super::observe::{self, Listed};
use super::{Engine, request};
use crate::error::Error;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{ListContainersOptions, ListVolumesOptions};
use openshell_contract::names::host;
use std::collections::{BTreeSet, HashMap};

impl Engine {
    /// Every gateway with a container or a volume, by name.
    ///
    /// # Errors
    /// Docker refuses to list.
    pub async fn list(&self) -> Result<Vec<Listed>, Error> {
        let filters = Some(HashMap::from([(
            "label".to_owned(),
            vec![format!("{}={}", host::MANAGED_BY_LABEL, host::MANAGED_BY)],
        )]));
        let containers =
            ListContainersOptions { all: true, filters: filters.clone(), ..ListContainersOptions::default() };
        let containers = self.docker.list_containers(Some(containers)).await;
        let containers = containers.map_err(request("list", "containers"))?;
        let volumes = self.docker.list_volumes(Some(ListVolumesOptions { filters })).await;
        let volumes = volumes.map_err(request("list", "volumes"))?.volumes.unwrap_or_default();
        let labels =
            containers.into_iter().filter_map(|c| c.labels).chain(volumes.into_iter().map(|v| v.labels));
        let names: BTreeSet<_> = labels.filter_map(|mut l| l.remove(host::GATEWAY_LABEL)).collect();
        let mut listed = Vec::new();
        for name in names {
            let container = self.inspect(&host::object(&name)).await?;
            listed.push(of(name, container.as_ref()));
        }
        Ok(listed)
    }
}

fn of(name: String, container: Option<&ContainerInspectResponse>) -> Listed {
    let health = container.and_then(|c| c.state.as_ref()?.health.as_ref()?.status);
    let state = container.map(|c| observe::run(c).state);
    Listed {
        name,
        state,
        health: health
            .filter(|_| state == Some(crate::plan::State::Running))
            .map(|h| h.to_string())
            .filter(|h| !h.is_empty() && h != "none"),
        settings: container.and_then(observe::settings),
    }
}
