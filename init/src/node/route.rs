//! The uplink: the interface of the default route and its address.

use crate::failure::{Context, Failure};
use openshell_contract::reason::Reason;
use std::net::Ipv4Addr;
use std::time::Duration;

/// How often the routing table is read while there is no default route.
const POLL: Duration = Duration::from_millis(100);

/// How the container reaches the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// Interface of the default route.
    pub interface: String,
    /// Its first IPv4 address.
    pub address: Ipv4Addr,
    /// The next hop.
    pub gateway: Ipv4Addr,
}

/// Waits for the default route. How long that may take is the stage's affair.
pub async fn wait() -> Result<Uplink, Failure> {
    loop {
        let table = std::fs::read_to_string("/proc/net/route")
            .failing(Reason::NoDefaultRoute, || "can't read /proc/net/route")?;
        if let Some((interface, gateway)) = default_route(&table)
            && let Some(address) = address_of(&interface)?
        {
            return Ok(Uplink { interface, address, gateway });
        }
        tokio::time::sleep(POLL).await;
    }
}

fn address_of(interface: &str) -> Result<Option<Ipv4Addr>, Failure> {
    let mut all =
        nix::ifaddrs::getifaddrs().failing(Reason::NoDefaultRoute, || "can't list the network interfaces")?;
    Ok(all.find_map(|i| {
        (i.interface_name == interface).then_some(())?;
        Some(i.address?.as_sockaddr_in()?.ip())
    }))
}

/// Interface and next hop of the default route with the lowest metric. Fields of `/proc/net/route`:
/// interface, destination, gateway, flags, two counters, metric, mask; addresses are hexadecimal in
/// the machine's byte order.
fn default_route(table: &str) -> Option<(String, Ipv4Addr)> {
    let routes = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |i: usize| u32::from_str_radix(fields.get(i)?, 16).ok();
        let metric: u32 = fields.get(6)?.parse().ok()?;
        (number(1)? == 0 && number(7)? == 0 && number(2)? != 0).then_some((
            metric,
            fields[0].to_owned(),
            Ipv4Addr::from(number(2)?.to_ne_bytes()),
        ))
    });
    routes.min_by_key(|(metric, ..)| *metric).map(|(_, interface, gateway)| (interface, gateway))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";

    #[test]
    fn the_default_route_with_the_lowest_metric() {
        let table = format!(
            "{HEAD}eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
             eth1\t00000000\t010012AC\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        );
        assert_eq!(default_route(&table), Some(("eth0".to_owned(), Ipv4Addr::new(172, 17, 0, 1))));
        assert_eq!(default_route(HEAD), None);
    }

    proptest! {
        #[test]
        fn no_table_panics(table in "\\PC{0,200}") {
            let _ = default_route(&table);
        }
    }
}
