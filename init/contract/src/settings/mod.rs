//! The typed configuration of a gateway, and how its layers merge.
//!
//! Layers, weakest first: built-in defaults, the image's `defaults.json`, what the volume remembers,
//! the environment. All of them are maps from an environment variable's name to text, so there is one
//! grammar for each setting wherever it comes from. An empty value means "not set": it takes the
//! setting back to the weaker layers, and out of what the volume remembers.

mod form;
mod image;
mod key;
mod read;
mod told;

pub use image::Image;
pub use key::{KEYS, Key};
pub use read::{Invalid, Source};
pub use told::{Overview, Told};

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
    /// Whether pods may use the machine's GPUs.
    pub gpu: bool,
    /// The registry that images come from.
    pub registry: Registry,
    /// Another registry that images come from.
    pub community_registry: Registry,
    /// Resolvers to use instead of those of the container.
    pub upstream_dns: Vec<IpAddr>,
    /// File with further values of the chart, which win over ours.
    pub chart_values: Option<String>,
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
    /// Gateway image that was pushed into the node, in place of the above.
    pub gateway_image: Option<Image>,
    /// Supervisor image that was pushed into the node.
    pub supervisor_image: Option<Image>,
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
    /// Who the later server lets in by their tokens.
    pub oidc: Option<Oidc>,
}

/// An issuer of tokens (`OpenID` Connect) and what its tokens have to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// Its URL.
    pub issuer: String,
    /// Whom tokens are for.
    pub audience: String,
    /// Where a token tells roles.
    pub roles_claim: String,
    /// Role of administrators.
    pub admin_role: String,
    /// Role of users.
    pub user_role: String,
    /// Where a token tells scopes; the server's default when absent.
    pub scopes_claim: Option<String>,
}

/// A registry that images come from.
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
    /// File that holds the password, in place of it.
    pub password_file: Option<String>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("host", &self.host)
            .field("endpoint", &self.endpoint)
            .field("insecure", &self.insecure)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "..."))
            .field("password_file", &self.password_file)
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
        let r = Reader(layers);
        let invalid: Vec<_> = KEYS.iter().filter_map(|key| r.defect(key)).collect();
        if !invalid.is_empty() {
            return Err(invalid);
        }
        let [(password_file, password), (community_file, community_password)] =
            key::PASSWORD_FILES.map(|(file, password)| r.stronger(&file, &password));
        Ok(Self {
            node_name: r.text(&key::NODE_NAME),
            extra_sans: r.list(&key::EXTRA_SANS),
            disable_tls: r.is_on(&key::DISABLE_TLS),
            disable_gateway_auth: r.is_on(&key::DISABLE_GATEWAY_AUTH),
            gpu: r.is_on(&key::GPU_ENABLED),
            workload: Workload::read(r),
            registry: Registry {
                host: r.text(&key::REGISTRY_HOST),
                endpoint: r.text(&key::REGISTRY_ENDPOINT),
                insecure: r.is_on(&key::REGISTRY_INSECURE),
                username: r.text(&key::REGISTRY_USERNAME),
                password,
                password_file,
            },
            community_registry: Registry {
                host: r.text(&key::COMMUNITY_REGISTRY_HOST),
                username: r.text(&key::COMMUNITY_REGISTRY_USERNAME),
                password: community_password,
                password_file: community_file,
                ..Registry::default()
            },
            upstream_dns: r.list(&key::UPSTREAM_DNS),
            chart_values: r.text(&key::CHART_VALUES),
            iptables_legacy: r.flag(&key::USE_IPTABLES_LEGACY),
            log_format: if r.required(&key::LOG_FORMAT) == "json" {
                LogFormat::Json
            } else {
                LogFormat::Human
            },
            stop_timeout: Duration::from_secs(r.parsed(&key::STOP_TIMEOUT).unwrap_or_default()),
        })
    }

    /// What the volume has to remember: `persisted` with `environment` laid over it. Settings of the
    /// container itself (how it logs and stops) are not remembered, and neither are the image's
    /// defaults, so that a newer image can bring newer ones. Unknown names in `persisted` are kept:
    /// a newer release may have written them.
    #[must_use]
    pub fn to_persist(persisted: &Layer, environment: &Layer) -> Layer {
        let mut layer = persisted.clone();
        for key in KEYS.iter().filter(|k| k.persisted) {
            match environment.get(key.name).map(|text| key.value(text)) {
                None => {}
                Some(None) => drop(layer.remove(key.name)),
                Some(Some(value)) => drop(layer.insert(key.name.to_owned(), value.to_owned())),
            }
        }
        // A password that a file took the place of is of no more use, and a secret.
        for (file, password) in key::PASSWORD_FILES {
            if environment.get(file.name).is_some_and(|text| file.value(text).is_some()) {
                layer.remove(password.name);
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

impl Workload {
    fn read(r: Reader<'_>) -> Self {
        let pushed: Vec<Image> =
            r.list::<String>(&key::PUSH_IMAGE_REFS).iter().filter_map(|s| Image::parse(s)).collect();
        let pushed = |name: &str| pushed.iter().find(|image| image.last() == name).cloned();
        Self {
            repo_base: r.required(&key::IMAGE_REPO_BASE),
            tag: r.required(&key::IMAGE_TAG),
            gateway_image: pushed("gateway"),
            supervisor_image: pushed("supervisor"),
            pull_policy: r.text(&key::IMAGE_PULL_POLICY),
            sandbox_image: r.text(&key::SANDBOX_IMAGE),
            sandbox_pull_policy: r.text(&key::SANDBOX_IMAGE_PULL_POLICY),
            db_url: r.text(&key::DB_URL),
            ssh_gateway_host: r.text(&key::SSH_GATEWAY_HOST),
            ssh_gateway_port: r.parsed(&key::SSH_GATEWAY_PORT),
            bind_address: r.text(&key::SERVER_BIND_ADDRESS),
            health_port: r.parsed(&key::SERVER_HEALTH_PORT),
            metrics_port: r.parsed(&key::SERVER_METRICS_PORT),
            oidc: r.text(&key::OIDC_ISSUER).map(|issuer| Oidc {
                issuer,
                audience: r.required(&key::OIDC_AUDIENCE),
                roles_claim: r.required(&key::OIDC_ROLES_CLAIM),
                admin_role: r.required(&key::OIDC_ADMIN_ROLE),
                user_role: r.required(&key::OIDC_USER_ROLE),
                scopes_claim: r.text(&key::OIDC_SCOPES_CLAIM),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
