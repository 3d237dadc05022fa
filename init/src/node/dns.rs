//! The resolver that pods use.
//!
//! Docker's embedded resolver listens on the container's loopback, which pods can't reach. A relay on the
//! container's own address passes queries on, over UDP and TCP, without touching them.

use crate::board::Board;
use crate::failure::{Context, Failure};
use crate::files;
use openshell_contract::reason::Reason;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;

/// The file that kubelet hands to pods with their own DNS policy and to the cluster DNS.
pub const RESOLV_CONF: &str = "/etc/rancher/k3s/resolv.conf";
const PORT: u16 = 53;
/// How long an upstream may take for one query, and a TCP connection may last.
const PATIENCE: Duration = Duration::from_secs(5);
/// Queries under way at once; further ones are dropped, as an overloaded resolver does.
const IN_FLIGHT: usize = 512;
/// Largest UDP message (RFC 6891 leaves it to the peers; 64 KiB holds any).
const MAX_MESSAGE: usize = 65_535;
/// Used when the container has no resolver at all, as the original does.
const FALLBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)), IpAddr::V4(Ipv4Addr::new(8, 8, 4, 4))];

/// Starts the relay on `address` and writes [`RESOLV_CONF`]. Returns the upstreams.
pub async fn start(board: &Board, address: Ipv4Addr, configured: &[IpAddr]) -> Result<Vec<IpAddr>, Failure> {
    let resolv = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let mut upstreams = if configured.is_empty() { nameservers(&resolv) } else { configured.to_vec() };
    upstreams.retain(|upstream| *upstream != IpAddr::V4(address));
    if upstreams.is_empty() {
        board.warn(
            "the container has no resolver: pods use 8.8.8.8 and 8.8.4.4; set UPSTREAM_DNS to use others",
        );
        upstreams = FALLBACK.to_vec();
    }
    let listen = SocketAddr::from((address, PORT));
    let udp = UdpSocket::bind(listen)
        .await
        .failing(Reason::NodePreparation, || format!("can't bind UDP {listen}"))?;
    let tcp = TcpListener::bind(listen)
        .await
        .failing(Reason::NodePreparation, || format!("can't bind TCP {listen}"))?;
    let servers: Arc<[SocketAddr]> = upstreams.iter().map(|ip| SocketAddr::from((*ip, PORT))).collect();
    tokio::spawn(relay_udp(Arc::new(udp), servers.clone()));
    tokio::spawn(relay_tcp(tcp, servers));

    std::fs::create_dir_all("/etc/rancher/k3s")
        .failing(Reason::StateUnusable, || "can't make /etc/rancher/k3s")?;
    files::replace(Path::new(RESOLV_CONF), pods_resolv_conf(&resolv, address).as_bytes(), 0o644)
        .failing(Reason::StateUnusable, || format!("can't write {RESOLV_CONF}"))?;
    Ok(upstreams)
}

async fn relay_udp(socket: Arc<UdpSocket>, servers: Arc<[SocketAddr]>) {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut buffer = vec![0; MAX_MESSAGE];
    loop {
        // An error here is about an earlier answer (its receiver is gone), not about this socket.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        let Ok(permit) = permits.clone().try_acquire_owned() else { continue };
        let (query, socket, servers) = (buffer[..length].to_vec(), socket.clone(), servers.clone());
        tokio::spawn(async move {
            for server in &*servers {
                if let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, ask_udp(*server, &query)).await {
                    // A client that left doesn't need the answer.
                    let _ = socket.send_to(&answer, client).await;
                    break;
                }
            }
            drop(permit);
        });
    }
}

/// One query to one server from a port of its own, so that answers can't be mixed up.
async fn ask_udp(server: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let local: SocketAddr = if server.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut answer = vec![0; MAX_MESSAGE];
    loop {
        let length = socket.recv(&mut answer).await?;
        // The first two bytes are the query's id (RFC 1035, 4.1.1).
        if length >= 2 && query.len() >= 2 && answer[..2] == query[..2] {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

async fn relay_tcp(listener: TcpListener, servers: Arc<[SocketAddr]>) {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let Ok((mut client, _)) = listener.accept().await else { continue };
        let servers = servers.clone();
        tokio::spawn(async move {
            for server in &*servers {
                if let Ok(Ok(mut upstream)) = tokio::time::timeout(PATIENCE, TcpStream::connect(server)).await
                {
                    // Either side may leave at any time; the client then asks again.
                    let _ = tokio::time::timeout(
                        PATIENCE,
                        tokio::io::copy_bidirectional(&mut client, &mut upstream),
                    )
                    .await;
                    break;
                }
            }
            drop(permit);
        });
    }
}

fn nameservers(resolv_conf: &str) -> Vec<IpAddr> {
    resolv_conf.lines().filter_map(|l| l.trim().strip_prefix("nameserver")?.trim().parse().ok()).collect()
}

/// The container's file with the relay as the only nameserver; `search` and `options` stay.
fn pods_resolv_conf(resolv_conf: &str, relay: Ipv4Addr) -> String {
    let kept = resolv_conf.lines().filter(|l| {
        let l = l.trim();
        l.starts_with("search") || l.starts_with("options")
    });
    let mut text = format!("nameserver {relay}\n");
    for line in kept {
        text.push_str(line.trim());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKER: &str = "# made by Docker\nsearch example.org\nnameserver 127.0.0.11\noptions ndots:0\n";

    #[test]
    fn pods_get_the_relay_and_keep_the_rest() {
        assert_eq!(nameservers(DOCKER), [IpAddr::from([127, 0, 0, 11])]);
        assert_eq!(
            pods_resolv_conf(DOCKER, Ipv4Addr::new(172, 18, 0, 2)),
            "nameserver 172.18.0.2\nsearch example.org\noptions ndots:0\n"
        );
    }

    #[test]
    fn a_query_gets_its_own_answer_and_a_dead_server_is_passed_over() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let address = server.local_addr().unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 512];
                loop {
                    let (n, client) = server.recv_from(&mut buffer).await.unwrap();
                    server.send_to(b"\0\0forged", client).await.unwrap();
                    server.send_to(&[&buffer[..n], b"!"].concat(), client).await.unwrap();
                }
            });
            let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let relay = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
            let at = relay.local_addr().unwrap();
            tokio::spawn(relay_udp(relay, Arc::new([dead, address])));
            assert_eq!(ask_udp(at, b"\x12\x34query").await.unwrap(), b"\x12\x34query!");
        });
    }
}
