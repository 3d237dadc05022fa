//! What goes over an interface of the host.

use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, socket};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A packet's source and destination.
pub type Packet = (Ipv4Addr, Ipv4Addr);

/// A capture of IPv4 packets (`packet(7)`).
pub struct Capture {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Packet>>,
}

impl Capture {
    /// Begins one on `interface`, of packets for which `wanted` holds.
    pub fn start(interface: &str, wanted: fn(Packet) -> bool) -> Self {
        let index = std::fs::read_to_string(format!("/sys/class/net/{interface}/ifindex")).unwrap();
        let index: usize = index.trim().parse().unwrap();
        let socket =
            socket(AddressFamily::Packet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)
                .expect("a packet socket, which needs root");
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(0, 100_000)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = Vec::new();
            let mut buffer = [0; 2048];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, from)) = recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut buffer) else {
                    continue;
                };
                if from.is_some_and(|from| from.ifindex() == index)
                    && let Some(packet) = parse(&buffer[..length]).filter(|packet| wanted(*packet))
                {
                    seen.push(packet);
                }
            }
            seen
        });
        Self { stop, thread }
    }

    /// Ends it.
    pub fn packets(self) -> Vec<Packet> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// RFC 791, 3.1.
fn parse(packet: &[u8]) -> Option<Packet> {
    let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?));
    (packet.first()? >> 4 == 4).then_some(())?;
    Some((address(12)?, address(16)?))
}
