//! What a gateway's container is asked to be, and where that comes from.
//!
//! Flags win over the existing container, that over what is remembered for clients (only when the
//! container is gone), that over the defaults. So a bare `start` never changes a gateway.

use crate::cli::{self, DEFAULT_IMAGE};
use crate::digest;
use crate::name::GatewayName;
use openshell_contract::names::host;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// Raised when the shape of the container itself changes, so that existing ones are replaced.
const SHAPE: u32 = 1;

/// Label with [`Options`]; values of environment variables are not in it.
pub const OPTIONS_LABEL: &str = "openshell.ai/options";

/// What a gateway's container is asked to be.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Image reference.
    pub image: String,
    /// Address on the host.
    pub bind: IpAddr,
    /// Port on the host.
    pub port: u16,
    /// What was asked for by flags.
    pub options: Options,
    /// What was asked for by `--env`. May hold secrets.
    pub env: BTreeMap<String, String>,
}

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
    /// Names of the variables that `--env` gave.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
}

/// What is remembered for clients and serves when the container is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The last port.
    pub port: Option<u16>,
    /// The last host by which clients reached it, if it was not this machine's loopback.
    pub gateway_host: Option<String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("image", &self.image)
            .field("bind", &self.bind)
            .field("port", &self.port)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// `flags` over `existing` over `remembered` over the defaults.
    #[must_use]
    pub fn resolve(flags: &cli::Start, existing: Option<Self>, remembered: Remembered) -> Self {
        let mut settings = existing.unwrap_or_else(|| Self {
            image: DEFAULT_IMAGE.to_owned(),
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: remembered.port.unwrap_or(host::DEFAULT_PORT),
            options: Options { gateway_host: remembered.gateway_host, ..Options::default() },
            env: BTreeMap::new(),
        });
        if let Some(image) = flags.image.as_deref().map(str::trim).filter(|i| !i.is_empty()) {
            image.clone_into(&mut settings.image);
        }
        settings.bind = flags.bind.unwrap_or(settings.bind);
        settings.port = flags.port.unwrap_or(settings.port);
        let options = &mut settings.options;
        options.plaintext = flags.plaintext.or(options.plaintext);
        options.disable_gateway_auth = flags.disable_gateway_auth.or(options.disable_gateway_auth);
        if let Some(host) = &flags.gateway_host {
            options.gateway_host = Some(host.clone()).filter(|h| !h.is_empty());
        }
        settings.env.extend(flags.env.iter().cloned());
        settings.options.env = settings.env.keys().cloned().collect();
        settings
    }

    /// Digest of everything but the image, which is compared by its ID.
    #[must_use]
    pub fn digest(&self) -> String {
        let content = serde_json::json!([SHAPE, self.bind, self.port, self.options, self.env]).to_string();
        digest::sha256(content.as_bytes())
    }

    /// The container's environment, sorted by name.
    #[must_use]
    pub fn environment(&self, name: &GatewayName) -> BTreeMap<String, String> {
        let mut env = BTreeMap::from([("OPENSHELL_NODE_NAME".to_owned(), name.node())]);
        let mut set = |key: &str, value: String| drop(env.insert(key.to_owned(), value));
        if let Some(plaintext) = self.options.plaintext {
            set("DISABLE_TLS", plaintext.to_string());
        }
        if let Some(disabled) = self.options.disable_gateway_auth {
            set("DISABLE_GATEWAY_AUTH", disabled.to_string());
        }
        if let Some(host) = &self.options.gateway_host {
            set("SSH_GATEWAY_HOST", host.clone());
            set("SSH_GATEWAY_PORT", self.port.to_string());
        }
        let sans = self.own_sans();
        if !sans.is_empty() {
            set("EXTRA_SANS", sans.clone());
        }
        for (key, value) in &self.env {
            match (key.as_str(), sans.as_str(), value.as_str()) {
                ("EXTRA_SANS", own, "") if !own.is_empty() => {}
                ("EXTRA_SANS", own, _) if !own.is_empty() => set(key, format!("{own},{value}")),
                _ => set(key, value.clone()),
            }
        }
        env
    }

    /// The settings that a container with this image, port binding, label and environment was made of.
    #[must_use]
    pub fn of_container(
        image: String,
        (bind, port): (IpAddr, u16),
        options: Options,
        env: &BTreeMap<String, String>,
    ) -> Self {
        let mut settings = Self { image, bind, port, options, env: BTreeMap::new() };
        let own = settings.own_sans();
        for key in &settings.options.env {
            let value = env.get(key).map_or("", String::as_str);
            let given = match value.strip_prefix(&own) {
                Some(rest) if key == "EXTRA_SANS" && !own.is_empty() => {
                    rest.strip_prefix(',').unwrap_or(rest)
                }
                _ => value,
            };
            settings.env.insert(key.clone(), given.to_owned());
        }
        settings
    }

    /// Names that the gateway's certificate has to list because clients are sent to them.
    fn own_sans(&self) -> String {
        let bind = Some(self.bind).filter(|b| !b.is_loopback() && !b.is_unspecified());
        self.options
            .gateway_host
            .iter()
            .cloned()
            .chain(bind.map(|b| b.to_string()))
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Whether only the machine that it runs on can reach it.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.options.gateway_host.is_none() && self.bind.is_loopback()
    }

    /// Where clients reach the gateway.
    #[must_use]
    pub fn endpoint(&self, tls: bool) -> String {
        let host = self.options.gateway_host.clone().unwrap_or_else(|| match self.bind {
            ip if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
            ip => ip.to_string(),
        });
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        format!("{}://{host}:{}", if tls { "https" } else { "http" }, self.port)
    }
}

#[cfg(test)]
mod tests;
