//! What a gateway's container is asked to be, and where that comes from.
//!
//! Flags win over the existing container, that over what is remembered for clients (only when the
//! container is gone), that over the defaults. So a bare `start` never changes a gateway.

mod gpu;
mod limits;
mod options;
pub mod registry;

pub use gpu::{ALL as ALL_GPUS, Gpu};
pub use limits::{Cpus, Memory};
pub use options::{Kept, OPTIONS_LABEL, Options, Remembered, Resources};

use crate::cli::{self, DEFAULT_IMAGE};
use crate::digest;
use crate::name::GatewayName;
use openshell_contract::names::host;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// Raised when the shape of the container itself changes, so that existing ones are replaced.
const SHAPE: u32 = 1;

/// The user of a token that is given without one.
const TOKEN_USER: &str = "__token__";

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
            bind: remembered.container.bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port: remembered.port.unwrap_or(host::DEFAULT_PORT),
            options: Options {
                gateway_host: remembered.gateway_host,
                resources: remembered.container.resources,
                ..Options::default()
            },
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
        let resources = &mut options.resources;
        resources.gpu = flags.gpu.clone().or(resources.gpu.take());
        resources.memory = flags.memory.or(resources.memory).filter(|memory| memory.bytes().is_some());
        resources.cpus = flags.cpus.or(resources.cpus).filter(|cpus| cpus.nanos().is_some());
        settings.take_login(flags);
        settings.env.extend(flags.env.iter().cloned());
        settings.options.env = settings.env.keys().cloned().collect();
        settings
    }

    /// Lays the flags for a registry over the environment. The registry is the image's, unless one was named.
    fn take_login(&mut self, flags: &cli::Start) {
        let given = |flag: &Option<String>| flag.clone().filter(|value| !value.is_empty());
        let username = "REGISTRY_USERNAME".to_owned();
        if let Some(user) = given(&flags.registry_username) {
            self.env.insert(username.clone(), user);
        }
        let Some(token) = given(&flags.registry_token) else { return };
        self.env.entry(username).or_insert_with(|| TOKEN_USER.to_owned());
        self.env.insert("REGISTRY_PASSWORD".to_owned(), token);
        let registry = registry::of_image(&self.image);
        if registry != registry::DOCKER_HUB {
            self.env.entry("REGISTRY_HOST".to_owned()).or_insert_with(|| registry.to_owned());
        }
    }

    /// What is remembered of the container for when it is gone.
    #[must_use]
    pub fn kept(&self) -> Kept {
        let bind = Some(self.bind).filter(|bind| *bind != Ipv4Addr::LOCALHOST);
        Kept { bind, resources: self.options.resources.clone() }
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
        if let Some(gpu) = &self.options.resources.gpu {
            set("GPU_ENABLED", (*gpu != Gpu::Off).to_string());
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
