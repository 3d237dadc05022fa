//! The typed configuration of a gateway, and how its layers merge.
//!
//! Layers, weakest first: built-in defaults, the image's `defaults.json`, what the volume remembers,
//! the environment. All of them are maps from an environment variable's name to text, so there is one
//! grammar for each setting wherever it comes from. An empty value means "not set": it takes the
//! setting back to the weaker layers, and out of what the volume remembers.

mod key;
mod read;

pub use key::{KEYS, Key};
pub use read::{Invalid, Source};

use read::Reader;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// One layer: variable names and their text.
pub type Layer = BTreeMap<String, String>;

/// What a gateway is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the node in the cluster; the container's hostname when absent.
    pub node_name: Option<String>,
    /// Names and addresses that the gateway's certificate lists besides the built-in ones.
    pub extra_sans: Vec<String>,
    /// The gateway serves plaintext and needs no certificates.
    pub disable_tls: bool,
    /// The gateway accepts clients without a certificate.
    pub disable_gateway_auth: bool,
    /// What the chart deploys.
    pub workload: Workload,
    /// The registry that images come from.
    pub registry: Registry,
    /// Resolvers to use instead of those of the container.
    pub upstream_dns: Vec<IpAddr>,
    /// Whether the kernel's older packet filter is used; found out when absent.
    pub iptables_legacy: Option<bool>,
    /// How PID 1 logs.
    pub log_format: LogFormat,
    /// How long a stop may take.
    pub stop_timeout: Duration,
}

/// What the chart deploys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Repository prefix; the gateway image is `<repo_base>/gateway`.
    pub repo_base: String,
    /// Tag of the gateway image.
    pub tag: String,
    /// Pull policy; the chart's own default when absent.
    pub pull_policy: Option<String>,
    /// Image of sandboxes; the chart's own default when absent.
    pub sandbox_image: Option<String>,
    /// Pull policy of sandbox images.
    pub sandbox_pull_policy: Option<String>,
    /// Database of the gateway; the chart's own default when absent.
    pub db_url: Option<String>,
    /// Host that SSH clients are sent to.
    pub ssh_gateway_host: Option<String>,
    /// Port that SSH clients are sent to.
    pub ssh_gateway_port: Option<u16>,
    /// Address that the later server binds; never passed to the earlier one.
    pub bind_address: Option<String>,
    /// Plain HTTP health port of the later server.
    pub health_port: Option<u16>,
    /// Metrics port of the later server.
    pub metrics_port: Option<u16>,
}

/// The registry that images come from.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Registry {
    /// Host that images name.
    pub host: Option<String>,
    /// Address that serves it, when it is another one.
    pub endpoint: Option<String>,
    /// Plain HTTP instead of HTTPS.
    pub insecure: bool,
    /// User name.
    pub username: Option<String>,
    /// Password; never shown.
    pub password: Option<String>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("host", &self.host)
            .field("endpoint", &self.endpoint)
            .field("insecure", &self.insecure)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "..."))
            .finish()
    }
}

/// How PID 1 logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Human,
    /// A JSON object on each line.
    Json,
}

impl Settings {
    /// Merges `layers`, weakest first, into typed settings.
    ///
    /// # Errors
    /// Every setting that is not of its allowed form, so that all can be corrected at once.
    pub fn from_layers(layers: &[(Source, &Layer)]) -> Result<Self, Vec<Invalid>> {
        let mut r = Reader::new(layers);
        let settings = Self {
            node_name: r.checked(&key::NODE_NAME, key::is_dns_label),
            extra_sans: r.list(&key::EXTRA_SANS, key::is_host),
            disable_tls: r.bool(&key::DISABLE_TLS),
            disable_gateway_auth: r.bool(&key::DISABLE_GATEWAY_AUTH),
            workload: Workload {
                repo_base: r
                    .checked(&key::IMAGE_REPO_BASE, key::is_image_name)
                    .unwrap_or_else(|| "ghcr.io/nvidia/openshell".to_owned()),
                tag: r.checked(&key::IMAGE_TAG, key::is_image_tag).unwrap_or_else(|| "0.0.22".to_owned()),
                pull_policy: r.checked(&key::IMAGE_PULL_POLICY, key::is_pull_policy),
                sandbox_image: r.text(&key::SANDBOX_IMAGE),
                sandbox_pull_policy: r.checked(&key::SANDBOX_IMAGE_PULL_POLICY, key::is_pull_policy),
                db_url: r.checked(&key::DB_URL, key::is_db_url),
                ssh_gateway_host: r.checked(&key::SSH_GATEWAY_HOST, key::is_host),
                ssh_gateway_port: r.port(&key::SSH_GATEWAY_PORT),
                bind_address: r.checked(&key::SERVER_BIND_ADDRESS, key::is_address),
                health_port: r.port(&key::SERVER_HEALTH_PORT),
                metrics_port: r.port(&key::SERVER_METRICS_PORT),
            },
            registry: Registry {
                host: r.text(&key::REGISTRY_HOST),
                endpoint: r.text(&key::REGISTRY_ENDPOINT),
                insecure: r.bool(&key::REGISTRY_INSECURE),
                username: r.text(&key::REGISTRY_USERNAME),
                password: r.text(&key::REGISTRY_PASSWORD),
            },
            upstream_dns: r
                .list(&key::UPSTREAM_DNS, key::is_address)
                .iter()
                .filter_map(|a| a.parse().ok())
                .collect(),
            iptables_legacy: r.flag(&key::USE_IPTABLES_LEGACY),
            log_format: match r.checked(&key::LOG_FORMAT, key::is_log_format).as_deref() {
                Some("json") => LogFormat::Json,
                _ => LogFormat::Human,
            },
            stop_timeout: Duration::from_secs(r.seconds(&key::STOP_TIMEOUT, 2..=3600).unwrap_or(9)),
        };
        r.finish(settings)
    }

    /// What the volume has to remember: `persisted` with `environment` laid over it. Settings of the
    /// container itself (how it logs and stops) are not remembered, and neither are the image's
    /// defaults, so that a newer image can bring newer ones. Unknown names in `persisted` are kept:
    /// a newer release may have written them.
    #[must_use]
    pub fn to_persist(persisted: &Layer, environment: &Layer) -> Layer {
        let mut layer = persisted.clone();
        for key in KEYS.iter().filter(|k| k.persisted) {
            match environment.get(key.name).map(|v| v.trim()) {
                None => {}
                Some("") => drop(layer.remove(key.name)),
                Some(value) => drop(layer.insert(key.name.to_owned(), value.to_owned())),
            }
        }
        layer
    }

    /// Names in `environment` that look like ours and are not: most likely a typing error.
    #[must_use]
    pub fn unknown_names(environment: &Layer) -> Vec<String> {
        environment
            .keys()
            .filter(|name| name.starts_with("OPENSHELL_") && !KEYS.iter().any(|k| k.name == name.as_str()))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests;
