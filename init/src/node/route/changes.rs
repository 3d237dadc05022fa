//! Tells that links, addresses or routes changed, by the kernel's own messages (`rtnetlink(7)`). What they say
//! is not read: a look afterwards sees it.

use nix::libc;
use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram as StdUnixDatagram;
use tokio::net::UnixDatagram;

/// A kernel message of the kinds that are asked for, with room for its attributes.
const MESSAGE: usize = 4096;

/// A subscription.
pub struct Changes {
    /// A netlink socket. To wait for datagrams and to take them is the same for every family.
    socket: UnixDatagram,
}

impl Changes {
    /// Begins it.
    pub fn new() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
        let groups = [libc::RTMGRP_LINK, libc::RTMGRP_IPV4_IFADDR, libc::RTMGRP_IPV4_ROUTE];
        let groups = groups.iter().fold(0, |all, group| all | group.unsigned_abs());
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
        Ok(Self { socket: UnixDatagram::from_std(StdUnixDatagram::from(socket))? })
    }

    /// Returns when something has changed since the last call, or since the subscription began.
    pub async fn next(&self) -> io::Result<()> {
        self.socket.readable().await?;
        let mut buffer = [0; MESSAGE];
        let mut any = false;
        loop {
            match self.socket.try_recv(&mut buffer) {
                Ok(_) => any = true,
                // Messages were lost: something has changed (`netlink(7)`).
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => any = true,
                Err(e) if e.kind() == ErrorKind::WouldBlock && any => return Ok(()),
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.socket.readable().await?,
                Err(e) => return Err(e),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn without_a_change_it_waits() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let changes = Changes::new().unwrap();
            let waited = tokio::time::timeout(Duration::from_millis(50), changes.next()).await;
            assert!(waited.is_err());
        });
    }
}
