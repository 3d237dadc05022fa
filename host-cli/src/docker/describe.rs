//! What Docker says of itself and of what is around a gateway's container.

use super::{Engine, optional, request};
use crate::error::Error;
use crate::name::GatewayName;
use bollard::models::{Network, SystemInfo, SystemVersion, Volume};
use bollard::query_parameters::ListNetworksOptions;
use std::collections::HashMap;

impl Engine {
    /// Docker's version and how it is set up.
    ///
    /// # Errors
    /// Docker refuses to say.
    pub async fn describe(&self) -> Result<(SystemVersion, SystemInfo), Error> {
        let version = self.docker.version().await.map_err(request("ask for", "Docker's version"))?;
        let info = self.docker.info().await.map_err(request("ask for", "Docker's settings"))?;
        Ok((version, info))
    }

    /// The volume of `name`, and every network of that name.
    ///
    /// # Errors
    /// Docker refuses to say.
    pub async fn surroundings(&self, name: &GatewayName) -> Result<(Option<Volume>, Vec<Network>), Error> {
        let object = name.object();
        let volume = optional(self.docker.inspect_volume(&object).await);
        Ok((volume.map_err(request("inspect volume", &object))?, self.networks(name).await?))
    }

    /// Every network of the name of `name`; Docker allows several.
    ///
    /// # Errors
    /// Docker refuses to say.
    pub async fn networks(&self, name: &GatewayName) -> Result<Vec<Network>, Error> {
        let object = name.object();
        let options =
            ListNetworksOptions { filters: Some(HashMap::from([("name".to_owned(), vec![object.clone()])])) };
        let networks =
            self.docker.list_networks(Some(options)).await.map_err(request("list networks", &object))?;
        // Docker's filter matches parts of names.
        Ok(networks.into_iter().filter(|n| n.name.as_deref() == Some(&object)).collect())
    }
}
