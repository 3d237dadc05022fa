//! Prepares the node: what a Kubernetes node needs from the container before k3s starts.

pub mod cgroup;
pub mod dns;
pub mod identity;
pub mod images;
pub mod mounts;
pub mod privilege;
pub mod registries;
pub mod route;
pub mod seal;
