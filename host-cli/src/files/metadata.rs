//! What clients know about a gateway.

use super::{ConfigDir, make_dir, replace};
use crate::error::Error;
use crate::name::GatewayName;
use crate::settings::{Kept, Remembered};
use serde::{Deserialize, Serialize};
use std::fs;

/// `metadata.json`, with the upstream client's field names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Gateway name.
    pub name: String,
    /// URL that clients connect to.
    pub gateway_endpoint: String,
    /// Whether it is on another machine.
    pub is_remote: bool,
    /// That machine, as SSH or Docker reaches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_host: Option<String>,
    /// Port on the host.
    pub gateway_port: u16,
    /// `mtls` or `plaintext`; others are made by the upstream client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_mode: Option<String>,
    /// Whether this command keeps the gateway's life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_lifecycle_managed: Option<bool>,
    /// What only Docker knew of the container, for when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Kept>,
    /// Fields of the upstream client that we keep as they are.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

impl Metadata {
    /// What serves when the gateway's container is gone.
    #[must_use]
    pub fn remembered(&self) -> Remembered {
        let authority = self.gateway_endpoint.split_once("://").map_or("", |(_, rest)| rest);
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let host = host.trim_matches(['[', ']', '/']);
        let is_local = host.is_empty()
            || host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        Remembered {
            port: Some(self.gateway_port).filter(|p| *p != 0),
            gateway_host: (!is_local).then(|| host.to_owned()),
            container: self.container.clone().unwrap_or_default(),
        }
    }
}

impl ConfigDir {
    /// The metadata of `name`. What can't be read counts as absent: it is only a memory.
    #[must_use]
    pub fn metadata(&self, name: &GatewayName) -> Option<Metadata> {
        let text = fs::read_to_string(self.gateway(name).join("metadata.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Stores the metadata of `name`.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn store_metadata(&self, name: &GatewayName, metadata: &Metadata) -> Result<(), Error> {
        let dir = self.gateway(name);
        make_dir(&dir)?;
        let text = serde_json::to_string_pretty(metadata).map_err(|e| Error::File {
            action: "write",
            path: dir.join("metadata.json"),
            source: e.into(),
        })?;
        replace(&dir.join("metadata.json"), text.as_bytes(), 0o644)
    }
}
