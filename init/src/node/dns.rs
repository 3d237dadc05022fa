//! The resolver that pods use.
//!
//! Docker's embedded resolver listens on the container's loopback, which pods can't reach. A relay on the
//! container's own address passes queries on, over UDP and TCP, without touching them.

mod check;
mod resolv;
mod tcp;
mod udp;
mod upstreams;

use crate::board::Board;
use crate::failure::{Context, Failure};
use crate::files;
use crate::warnings::About;
use openshell_contract::reason::Reason;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::net::{TcpListener, UdpSocket};
use upstreams::Upstreams;

pub use check::keep as keep_checking;

/// The file that kubelet hands to pods with their own DNS policy and to the cluster DNS.
pub const RESOLV_CONF: &str = "/etc/rancher/k3s/resolv.conf";
/// Queries under way at once, and connections; further ones are dropped, or wait.
const IN_FLIGHT: usize = 512;
const PORT: u16 = 53;
/// Used when the container has no resolver at all, as the original does.
const FALLBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)), IpAddr::V4(Ipv4Addr::new(8, 8, 4, 4))];

/// Starts the relay on `address` and writes [`RESOLV_CONF`]. Returns the upstreams.
pub async fn start(board: &Board, address: Ipv4Addr, configured: &[IpAddr]) -> Result<Vec<IpAddr>, Failure> {
    // A container may be without the file.
    let resolv = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let chosen = upstreams::choose(configured, &resolv::nameservers(&resolv), address);
    if chosen.is_none() {
        board.warn(
            About::Resolvers,
            ["the container has no resolver: pods use 8.8.8.8 and 8.8.4.4; set UPSTREAM_DNS to use others"],
        );
    }
    let upstreams = chosen.unwrap_or_else(|| FALLBACK.to_vec());
    let listen = SocketAddr::from((address, PORT));
    let udp = UdpSocket::bind(listen)
        .await
        .failing(Reason::NodePreparation, || format!("can't bind UDP {listen}"))?;
    let tcp = TcpListener::bind(listen)
        .await
        .failing(Reason::NodePreparation, || format!("can't bind TCP {listen}"))?;
    let servers = upstreams.iter().map(|ip| SocketAddr::from((*ip, PORT)));
    let servers = Arc::new(Upstreams::new(servers.collect()));
    tokio::spawn(udp::relay(Arc::new(udp), servers.clone()));
    tokio::spawn(tcp::relay(tcp, servers));

    std::fs::create_dir_all("/etc/rancher/k3s")
        .failing(Reason::StateUnusable, || "can't make /etc/rancher/k3s")?;
    files::replace(Path::new(RESOLV_CONF), resolv::for_pods(&resolv, address).as_bytes(), 0o644)
        .failing(Reason::StateUnusable, || format!("can't write {RESOLV_CONF}"))?;
    Ok(upstreams)
}
