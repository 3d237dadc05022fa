//! The host, as the gateway's pods reach it.

use super::route::Uplink;
use std::fs;
use std::net::Ipv4Addr;

/// Docker's name for the host, which its `extra_hosts` writes into the container's file.
const NAME: &str = "host.docker.internal";
const FILE: &str = "/etc/hosts";

/// The host's address: what Docker calls it (on Docker Desktop that is another one than the next hop), or
/// else the next hop of the default route.
pub fn address(uplink: &Uplink) -> Ipv4Addr {
    // A container may be without the file.
    named(&fs::read_to_string(FILE).unwrap_or_default()).unwrap_or(uplink.gateway)
}

/// The first usable address of [`NAME`] in a `hosts(5)` file.
fn named(hosts: &str) -> Option<Ipv4Addr> {
    hosts.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address: Ipv4Addr = words.next()?.parse().ok()?;
        let usable = !(address.is_loopback() || address.is_unspecified() || address.is_multicast());
        (usable && words.any(|name| name.eq_ignore_ascii_case(NAME))).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_usable_address_of_the_name() {
        let hosts = "127.0.0.1 localhost\n127.0.0.1 host.docker.internal\n::1 host.docker.internal\n\
                     # 10.0.0.9 host.docker.internal\n10.0.0.7 other # host.docker.internal\n\
                     192.168.65.254\thost.docker.internal host.openshell.internal\n10.0.0.8 Host.Docker.Internal\n";
        assert_eq!(named(hosts), Some(Ipv4Addr::new(192, 168, 65, 254)));
        assert_eq!(named("300.1.1.1 host.docker.internal\n0.0.0.0 host.docker.internal\n"), None);
        assert_eq!(named(""), None);
    }

    proptest! {
        #[test]
        fn no_file_panics(hosts in "\\PC{0,200}") {
            let _ = named(&hosts);
        }
    }
}
