//! Settings that Docker itself does not show.

use super::{Cpus, Gpu, Memory};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Label with [`Options`]; values of environment variables are not in it.
pub const OPTIONS_LABEL: &str = "openshell.ai/options";

/// Settings that Docker itself does not show; kept in [`OPTIONS_LABEL`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// `--plaintext`; nothing when the volume decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<bool>,
    /// `--disable-gateway-auth`; nothing when the volume decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_gateway_auth: Option<bool>,
    /// `--gateway-host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_host: Option<String>,
    /// What it may use.
    #[serde(flatten)]
    pub resources: Resources,
    /// Names of the variables that `--env` gave.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
}

/// What of the machine the container may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// `--gpu`, as it was asked for; nothing when nobody ever asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Gpu>,
    /// `--memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// `--cpus`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
}

/// What is remembered for clients and serves when the container is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The last port.
    pub port: Option<u16>,
    /// The last host by which clients reached it, if it was not this machine's loopback.
    pub gateway_host: Option<String>,
    /// What only the container knew.
    pub container: Kept,
}

/// What only Docker knows of a container, for when it is gone: the volume remembers the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Address on the host, if it is not the loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind: Option<IpAddr>,
    /// What it may use.
    #[serde(flatten)]
    pub resources: Resources,
}
