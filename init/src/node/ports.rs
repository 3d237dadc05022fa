//! Ports that the node needs for itself. In a network of its own the container has them all; on the host's,
//! another node or gateway may be there first, and k3s then starts and ends again and again.

use crate::failure::Failure;
use openshell_contract::names::cluster::NODE_PORT;
use openshell_contract::reason::Reason;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

/// The API server, its supervisor behind it, kubelet (docs.k3s.io, "Networking"), and the gateway.
const NEEDED: [u16; 4] = [6443, 6444, 10250, NODE_PORT];
/// State of a listening socket in `/proc/net/tcp` (`proc_pid_net(5)`).
const LISTEN: &str = "0A";

/// Fails if one of them is taken.
pub fn check() -> Result<(), Failure> {
    NEEDED.into_iter().try_for_each(free)
}

fn free(port: u16) -> Result<(), Failure> {
    match TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)) {
        Err(e) if e.kind() == ErrorKind::AddrInUse => Err(Failure::new(
            Reason::PortInUse,
            format!(
                "port {port} is taken by {}",
                owner(port).unwrap_or_else(|| "a process elsewhere".into())
            ),
        )),
        // Whatever else there is to say about it, k3s says better.
        _ => Ok(()),
    }
}

/// The process that listens, where it is in sight.
fn owner(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| listening(&fs::read_to_string(table).ok()?, port))?;
    let socket = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let holds = |dir: &fs::DirEntry| {
        let Ok(files) = fs::read_dir(dir.path().join("fd")) else { return false };
        files.flatten().any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to.as_os_str() == socket.as_str()))
    };
    let process =
        processes.filter(|dir| dir.file_name().to_string_lossy().parse::<u32>().is_ok()).find(holds)?;
    let name = fs::read_to_string(process.path().join("comm")).ok()?;
    Some(format!("{} (process {})", name.trim(), process.file_name().to_string_lossy()))
}

/// The inode of the socket that listens on `port`. Fields: number, local address, remote address, state, …,
/// the tenth is the inode.
fn listening(table: &str, port: u16) -> Option<u64> {
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == LISTEN;
        if is_it { fields.get(9)?.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near_text;
    use proptest::prelude::*;

    #[test]
    fn a_taken_port_is_told_with_its_owner() {
        let holder = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = holder.local_addr().unwrap().port();
        let failure = free(port).unwrap_err();
        assert_eq!(failure.reason, Reason::PortInUse);
        let us = format!("process {}", std::process::id());
        assert!(failure.message.contains(&port.to_string()) && failure.message.contains(&us), "{failure}");
        drop(holder);
        free(port).unwrap();
    }

    #[test]
    fn only_a_listener_is_one() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:192B 0100007F:9C40 01 00000000:00000000 00:00000000 00000000 0 0 11 1\n\
            1: 00000000:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 22 1\n\
            2: cut\n";
        assert_eq!(listening(table, 6443), Some(22));
        assert_eq!(listening(table, 40000), None);
    }

    proptest! {
        #[test]
        fn no_table_panics(
            table in near_text(&["  sl\n   0: 0100007F:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 22 1\n"]),
            port in any::<u16>(),
        ) {
            let _ = (listening(&table, port), listening(&table, 0x192B));
        }
    }
}
