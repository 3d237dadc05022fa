//! Every setting: its name, its allowed form, and whether the volume remembers it.

/// A setting.
#[derive(Debug)]
pub struct Key {
    /// Name of the environment variable.
    pub name: &'static str,
    /// The allowed form, for people.
    pub allowed: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Whether the volume remembers it for the next container.
    pub persisted: bool,
}

const BOOL: &str = "true, 1, yes, on, false, 0, no or off";
const PORT: &str = "a port number, 1 to 65535";
const PULL_POLICY: &str = "Always, IfNotPresent or Never";

macro_rules! keys {
    ($($ident:ident = $name:literal, $allowed:expr $(, $flag:ident)*;)+) => {
        $(#[doc = concat!("`", $name, "`.")] pub(super) const $ident: Key = keys!(@ $name, $allowed $(, $flag)*);)+
        /// Every setting that this release knows.
        pub const KEYS: &[Key] = &[$(keys!(@ $name, $allowed $(, $flag)*)),+];
    };
    (@ $name:literal, $allowed:expr) => { Key { name: $name, allowed: $allowed, secret: false, persisted: true } };
    (@ $name:literal, $allowed:expr, secret) => { Key { name: $name, allowed: $allowed, secret: true, persisted: true } };
    (@ $name:literal, $allowed:expr, container) => { Key { name: $name, allowed: $allowed, secret: false, persisted: false } };
}

// The names without a prefix are those of the original entrypoint; existing containers set them.
keys! {
    NODE_NAME = "OPENSHELL_NODE_NAME", "a DNS label: lowercase letters, digits and inner dashes, at most 63";
    EXTRA_SANS = "EXTRA_SANS", "DNS names or IP addresses, separated by commas";
    DISABLE_TLS = "DISABLE_TLS", BOOL;
    DISABLE_GATEWAY_AUTH = "DISABLE_GATEWAY_AUTH", BOOL;
    IMAGE_REPO_BASE = "IMAGE_REPO_BASE", "an image repository prefix without tag, such as ghcr.io/nvidia/openshell";
    IMAGE_TAG = "IMAGE_TAG", "an image tag: letters, digits, '_', '.', '-', at most 128";
    IMAGE_PULL_POLICY = "IMAGE_PULL_POLICY", PULL_POLICY;
    SANDBOX_IMAGE = "OPENSHELL_SANDBOX_IMAGE", "an image reference";
    SANDBOX_IMAGE_PULL_POLICY = "SANDBOX_IMAGE_PULL_POLICY", PULL_POLICY;
    DB_URL = "DB_URL", "sqlite:PATH, postgres://... or postgresql://...", secret;
    SSH_GATEWAY_HOST = "SSH_GATEWAY_HOST", "a DNS name or an IP address";
    SSH_GATEWAY_PORT = "SSH_GATEWAY_PORT", PORT;
    SERVER_BIND_ADDRESS = "OPENSHELL_SERVER_BIND_ADDRESS", "an IP address";
    SERVER_HEALTH_PORT = "OPENSHELL_SERVER_HEALTH_PORT", PORT;
    SERVER_METRICS_PORT = "OPENSHELL_SERVER_METRICS_PORT", PORT;
    REGISTRY_HOST = "REGISTRY_HOST", "a registry host, with an optional port";
    REGISTRY_ENDPOINT = "REGISTRY_ENDPOINT", "a registry host, with an optional port";
    REGISTRY_INSECURE = "REGISTRY_INSECURE", BOOL;
    REGISTRY_USERNAME = "REGISTRY_USERNAME", "text";
    REGISTRY_PASSWORD = "REGISTRY_PASSWORD", "text", secret;
    USE_IPTABLES_LEGACY = "USE_IPTABLES_LEGACY", BOOL;
    UPSTREAM_DNS = "UPSTREAM_DNS", "IP addresses, separated by commas";
    LOG_FORMAT = "OPENSHELL_LOG_FORMAT", "human or json", container;
    STOP_TIMEOUT = "OPENSHELL_STOP_TIMEOUT", "whole seconds, 2 to 3600", container;
}

pub(super) fn is_dns_label(s: &str) -> bool {
    (1..=63).contains(&s.len())
        && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !s.starts_with('-')
        && !s.ends_with('-')
}

/// A DNS name (RFC 1123, with an optional wildcard label in front) or an IP address.
pub(super) fn is_host(s: &str) -> bool {
    let name = s.strip_prefix("*.").unwrap_or(s);
    is_address(s)
        || (name.len() <= 253 && name.split('.').all(|label| is_dns_label(&label.to_ascii_lowercase())))
}

pub(super) fn is_address(s: &str) -> bool {
    s.parse::<std::net::IpAddr>().is_ok()
}

pub(super) fn is_image_name(s: &str) -> bool {
    s.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:".contains(&b)) && !s.ends_with('/')
}

pub(super) fn is_image_tag(s: &str) -> bool {
    s.len() <= 128
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        && !s.starts_with(['.', '-'])
}

pub(super) fn is_pull_policy(s: &str) -> bool {
    ["Always", "IfNotPresent", "Never"].contains(&s)
}

pub(super) fn is_db_url(s: &str) -> bool {
    ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| s.starts_with(scheme))
}

pub(super) fn is_log_format(s: &str) -> bool {
    ["human", "json"].contains(&s)
}
