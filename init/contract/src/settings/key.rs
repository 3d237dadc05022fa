//! Every setting: its name, its allowed form, its default, and whether the volume remembers it.

use super::{form, image};

/// A setting.
#[derive(Debug)]
pub struct Key {
    /// Name of the environment variable.
    pub name: &'static str,
    /// The allowed form, for people.
    pub allowed: &'static str,
    /// Whether a text is of that form.
    pub(super) is_allowed: fn(&str) -> bool,
    /// What it is when nobody sets it.
    pub default: Option<&'static str>,
    /// Whether its value must never be shown. It is taken as it is, blanks around it included.
    pub secret: bool,
    /// Whether the volume remembers it for the next container.
    pub persisted: bool,
}

impl Key {
    const fn new(name: &'static str, allowed: &'static str, is_allowed: fn(&str) -> bool) -> Self {
        Self { name, allowed, is_allowed, default: None, secret: false, persisted: true }
    }

    const fn flag(name: &'static str) -> Self {
        Self::new(name, "true, 1, yes, on, false, 0, no or off", form::boolean).or("false")
    }

    const fn port(name: &'static str) -> Self {
        Self::new(name, "a port number, 1 to 65535", form::port)
    }

    const fn pull_policy(name: &'static str) -> Self {
        Self::new(name, "Always, IfNotPresent or Never", form::pull_policy)
    }

    const fn registry(name: &'static str) -> Self {
        Self::new(
            name,
            "a registry's host with an optional port, such as ghcr.io or localhost:5000",
            form::registry,
        )
    }

    const fn user(name: &'static str) -> Self {
        Self::new(name, "text without colons and control characters", form::user)
    }

    const fn password(name: &'static str) -> Self {
        let allowed = "text without control characters other than line ends and tabs";
        Self { secret: true, ..Self::new(name, allowed, form::password) }
    }

    /// A path in the container, which a mount of this container may be needed for: never remembered.
    const fn file(name: &'static str) -> Self {
        Self::new(name, "an absolute path in the container", form::absolute_path).of_container()
    }

    const fn text(name: &'static str) -> Self {
        Self::new(name, "text without control characters", form::line)
    }

    const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    const fn of_container(self) -> Self {
        Self { persisted: false, ..self }
    }
}

macro_rules! keys {
    ($($ident:ident = $key:expr;)+) => {
        $(pub(super) const $ident: Key = $key;)+
        /// Every setting that this release knows.
        pub const KEYS: &[Key] = &[$($ident),+];
    };
}

// The names without a prefix are those of the original entrypoint; existing containers set them.
keys! {
    NODE_NAME = Key::new("OPENSHELL_NODE_NAME", "a DNS label: lowercase letters, digits and inner dashes, at most 63", form::dns_label);
    EXTRA_SANS = Key::new("EXTRA_SANS", "DNS names or IP addresses, separated by commas", |s| form::list(s, form::host));
    DISABLE_TLS = Key::flag("DISABLE_TLS");
    DISABLE_GATEWAY_AUTH = Key::flag("DISABLE_GATEWAY_AUTH");
    GPU_ENABLED = Key::flag("GPU_ENABLED");
    IMAGE_REPO_BASE = Key::new("IMAGE_REPO_BASE", "an image repository prefix without tag, such as ghcr.io/nvidia/openshell", image::repository).or("ghcr.io/nvidia/openshell");
    IMAGE_TAG = Key::new("IMAGE_TAG", "an image tag: letters, digits, '_', '.', '-', at most 128", image::tag).or("0.0.22");
    IMAGE_PULL_POLICY = Key::pull_policy("IMAGE_PULL_POLICY");
    PUSH_IMAGE_REFS = Key::new("PUSH_IMAGE_REFS", "images with a tag and no digest, separated by commas", |s| form::list(s, |i| image::Image::parse(i).is_some()));
    SANDBOX_IMAGE = Key::new("OPENSHELL_SANDBOX_IMAGE", "an image reference, such as registry.example:5000/base:1", image::reference);
    SANDBOX_IMAGE_PULL_POLICY = Key::pull_policy("SANDBOX_IMAGE_PULL_POLICY");
    DB_URL = Key::new("DB_URL", "sqlite:PATH, postgres://... or postgresql://...", form::db_url).secret();
    SSH_GATEWAY_HOST = Key::new("SSH_GATEWAY_HOST", "a DNS name or an IP address", form::host);
    SSH_GATEWAY_PORT = Key::port("SSH_GATEWAY_PORT");
    OIDC_ISSUER = Key::new("OIDC_ISSUER", "a URL of http or https", form::url);
    OIDC_AUDIENCE = Key::text("OIDC_AUDIENCE").or("openshell-cli");
    OIDC_ROLES_CLAIM = Key::text("OIDC_ROLES_CLAIM").or("realm_access.roles");
    OIDC_ADMIN_ROLE = Key::text("OIDC_ADMIN_ROLE").or("openshell-admin");
    OIDC_USER_ROLE = Key::text("OIDC_USER_ROLE").or("openshell-user");
    OIDC_SCOPES_CLAIM = Key::text("OIDC_SCOPES_CLAIM");
    SERVER_BIND_ADDRESS = Key::new("OPENSHELL_SERVER_BIND_ADDRESS", "an IP address", form::address);
    SERVER_HEALTH_PORT = Key::port("OPENSHELL_SERVER_HEALTH_PORT");
    SERVER_METRICS_PORT = Key::port("OPENSHELL_SERVER_METRICS_PORT");
    REGISTRY_HOST = Key::registry("REGISTRY_HOST");
    REGISTRY_ENDPOINT = Key::registry("REGISTRY_ENDPOINT");
    REGISTRY_INSECURE = Key::flag("REGISTRY_INSECURE");
    REGISTRY_USERNAME = Key::user("REGISTRY_USERNAME");
    REGISTRY_PASSWORD = Key::password("REGISTRY_PASSWORD");
    REGISTRY_PASSWORD_FILE = Key::file("REGISTRY_PASSWORD_FILE");
    COMMUNITY_REGISTRY_HOST = Key::registry("COMMUNITY_REGISTRY_HOST");
    COMMUNITY_REGISTRY_USERNAME = Key::user("COMMUNITY_REGISTRY_USERNAME");
    COMMUNITY_REGISTRY_PASSWORD = Key::password("COMMUNITY_REGISTRY_PASSWORD");
    COMMUNITY_REGISTRY_PASSWORD_FILE = Key::file("COMMUNITY_REGISTRY_PASSWORD_FILE");
    USE_IPTABLES_LEGACY = Key { default: None, ..Key::flag("USE_IPTABLES_LEGACY") };
    UPSTREAM_DNS = Key::new("UPSTREAM_DNS", "IP addresses, separated by commas", |s| form::list(s, form::address));
    CHART_VALUES = Key::file("OPENSHELL_CHART_VALUES");
    LOG_FORMAT = Key::new("OPENSHELL_LOG_FORMAT", "human or json", form::log_format).or("human").of_container();
    STOP_TIMEOUT = Key::new("OPENSHELL_STOP_TIMEOUT", "whole seconds, 2 to 3600", form::stop_timeout).or("9").of_container();
}

/// Files that hold a password, each with the setting that it takes the place of.
pub(super) const PASSWORD_FILES: [(Key, Key); 2] = [
    (REGISTRY_PASSWORD_FILE, REGISTRY_PASSWORD),
    (COMMUNITY_REGISTRY_PASSWORD_FILE, COMMUNITY_REGISTRY_PASSWORD),
];
