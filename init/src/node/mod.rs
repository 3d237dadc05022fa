//! Prepares the node: what a Kubernetes node needs from the container before k3s starts.

pub mod cgroup;
pub mod devices;
pub mod dns;
pub mod host;
pub mod identity;
pub mod images;
pub mod iptables;
pub mod leftovers;
mod limits;
pub mod machine_id;
mod modules;
pub mod mounts;
pub mod ports;
mod preflight;
pub mod privilege;
pub mod proxy;
pub mod registries;
pub mod route;
pub mod seal;
pub mod snapshotter;
mod staged;
pub mod torn;
pub mod unpacked;

/// Addresses of pods and of services: k3s's defaults (k3s `--cluster-cidr`, `--service-cidr`).
pub const PODS_AND_SERVICES: [&str; 2] = ["10.42.0.0/16", "10.43.0.0/16"];

/// What a preparation found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// What it is about, for the status.
    pub detail: String,
    /// What works less well than it could.
    pub warnings: Vec<String>,
    /// What k3s has to be told.
    pub k3s_args: Vec<String>,
}

impl Prepared {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        if !self.detail.is_empty() && !other.detail.is_empty() {
            self.detail.push_str(", ");
        }
        self.detail.push_str(&other.detail);
        self.warnings.extend(other.warnings);
        self.k3s_args.extend(other.k3s_args);
        self
    }
}

/// What others may mend while the gateway runs: limits, features of the kernel, free space, and the clock. To be
/// called again and again; what can be raised is raised.
pub fn machine() -> Prepared {
    limits::prepare().and(modules::look()).and(preflight::look())
}
