//! Names that outlive a release: changing one breaks existing gateways or their clients.

/// Objects in the cluster.
pub mod cluster {
    /// Namespace of the gateway and of its sandboxes.
    pub const NAMESPACE: &str = "openshell";
    /// Helm release, `StatefulSet` and Service.
    pub const RELEASE: &str = "openshell";
    /// Secret with the CA certificate and key (`ca.crt`, `ca.key`), and after a change of CA the
    /// certificates of those before it (`previous.crt`); no pod mounts it.
    pub const CA_SECRET: &str = "openshell-ca";
    /// Secret of type `kubernetes.io/tls` with the gateway's leaf (`tls.crt`, `tls.key`).
    pub const SERVER_TLS_SECRET: &str = "openshell-server-tls";
    /// Secret with the CA bundle (`ca.crt`) that the gateway trusts for clients.
    pub const CLIENT_CA_SECRET: &str = "openshell-server-client-ca";
    /// Secret with the clients' leaf and trust (`tls.crt`, `tls.key`, `ca.crt`).
    pub const CLIENT_TLS_SECRET: &str = "openshell-client-tls";
    /// Secret with the SSH handshake key, 64 lowercase hexadecimal characters under `secret`.
    pub const SSH_SECRET: &str = "openshell-ssh-handshake";
    /// Key in [`SSH_SECRET`].
    pub const SSH_SECRET_KEY: &str = "secret";
    /// Port of every node that reaches the gateway.
    pub const NODE_PORT: u16 = 30051;
    /// Field manager of everything that PID 1 applies.
    pub const FIELD_MANAGER: &str = "openshell-init";
    /// Label on a Helm release Secret: digest of the chart and values that it deployed.
    pub const DIGEST_LABEL: &str = "openshell.ai/digest";
    /// Label on a Helm release Secret: its own revision, once the gateway was ready with it.
    pub const PROVEN_LABEL: &str = "openshell.ai/proven";
    /// Label on a Helm release Secret: its own revision, if it was taken back.
    pub const REFUSED_LABEL: &str = "openshell.ai/refused";
    /// Annotation on each PKI Secret: identity of the CA that its content belongs to.
    pub const GENERATION_ANNOTATION: &str = "openshell.ai/pki-generation";
    /// Annotation on [`SSH_SECRET`]: its keyed fingerprint, as in the status document.
    pub const FINGERPRINT_ANNOTATION: &str = "openshell.ai/ssh-fingerprint";
    /// Label on the gateway's node, by which later starts know it again whatever its name is.
    pub const NODE_LABEL: &str = "openshell.ai/gateway-node";
    /// Label that says who keeps an object.
    pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
}

/// Files in the container.
pub mod path {
    /// Data directory of k3s and mount point of the gateway's volume.
    pub const DATA: &str = "/var/lib/rancher/k3s";
    /// What PID 1 keeps in the volume.
    pub const STATE: &str = "/var/lib/rancher/k3s/openshell";
    /// Runtime directory of PID 1.
    pub const RUN: &str = "/run/openshell";
    /// The status document, replaced atomically at each change.
    pub const STATUS: &str = "/run/openshell/status.json";
    /// Socket that answers `health`, `status` and `export-client`.
    pub const SOCKET: &str = "/run/openshell/init.sock";
    /// What the image brings along.
    pub const BUNDLE: &str = "/opt/openshell";
    /// Kubeconfig that k3s writes (k3s `--write-kubeconfig` default).
    pub const KUBECONFIG: &str = "/etc/rancher/k3s/k3s.yaml";
}

/// Things on the host.
pub mod host {
    /// Container, volume and network of gateway `name`.
    #[must_use]
    pub fn object(name: &str) -> String {
        format!("openshell-cluster-{name}")
    }
    /// Default gateway name.
    pub const DEFAULT_NAME: &str = "openshell";
    /// Default port on the host.
    pub const DEFAULT_PORT: u16 = 8080;
    /// Label on container, volume and network: always [`MANAGED_BY`].
    pub const MANAGED_BY_LABEL: &str = "openshell.ai/managed-by";
    /// Value of [`MANAGED_BY_LABEL`].
    pub const MANAGED_BY: &str = "openshell";
    /// Label on container, volume and network: the gateway's name.
    pub const GATEWAY_LABEL: &str = "openshell.ai/gateway";
    /// Label on the container: SHA-256 of the settings that it was made with.
    pub const SETTINGS_LABEL: &str = "openshell.ai/settings";
}

/// Longest node name: it is a DNS label and the container's hostname (RFC 1123, `sethostname(2)`).
pub const MAX_NODE_NAME: usize = 63;

/// The node name of gateway `name`: `openshell-` and the name's lowercase ASCII letters and digits,
/// every other run of characters as one `-`, within [`MAX_NODE_NAME`] characters.
#[must_use]
pub fn node_name(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    let full = format!("openshell-{}", if slug.is_empty() { "gateway" } else { slug });
    full[..full.len().min(MAX_NODE_NAME)].trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn node_names_are_the_originals() {
        for (gateway, node) in [
            ("openshell", "openshell-openshell"),
            ("My_Gateway.1", "openshell-my-gateway-1"),
            ("--a__b--", "openshell-a-b"),
            ("___", "openshell-gateway"),
        ] {
            assert_eq!(node_name(gateway), node);
        }
    }

    proptest! {
        #[test]
        fn node_name_is_a_dns_label(name in ".{0,200}") {
            let node = node_name(&name);
            prop_assert!(node.len() <= MAX_NODE_NAME);
            prop_assert!(node.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            prop_assert!(!node.ends_with('-'));
        }
    }
}
