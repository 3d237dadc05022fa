//! `/proc/net/route`. Fields: interface, destination, gateway, flags, two counters, metric, mask; addresses are
//! hexadecimal in the machine's byte order.

use std::net::Ipv4Addr;

struct Route<'a> {
    interface: &'a str,
    destination: u32,
    gateway: u32,
    metric: u32,
    mask: u32,
}

/// Interface and next hop of the default route with the lowest metric.
pub fn default_route(table: &str) -> Option<(String, Ipv4Addr)> {
    let defaults = routes(table).filter(|r| r.destination == 0 && r.mask == 0 && r.gateway != 0);
    defaults.min_by_key(|r| r.metric).map(|r| (r.interface.to_owned(), address(r.gateway)))
}

/// Every route, for people.
pub fn describe(table: &str) -> Vec<String> {
    let describe = |r: Route<'_>| {
        let to = format!("{}/{} on {}", address(r.destination), r.mask.count_ones(), r.interface);
        if r.gateway == 0 { to } else { format!("{to} by {}", address(r.gateway)) }
    };
    routes(table).map(describe).collect()
}

fn routes(table: &str) -> impl Iterator<Item = Route<'_>> {
    table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |i: usize| u32::from_str_radix(fields.get(i)?, 16).ok();
        Some(Route {
            interface: fields.first()?,
            destination: number(1)?,
            gateway: number(2)?,
            metric: fields.get(6)?.parse().ok()?,
            mask: number(7)?,
        })
    })
}

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(number.to_ne_bytes())
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
        assert_eq!(
            describe(&table),
            ["172.17.0.0/16 on eth0", "0.0.0.0/0 on eth1 by 172.18.0.1", "0.0.0.0/0 on eth0 by 172.17.0.1"]
        );
    }

    proptest! {
        #[test]
        fn no_table_panics(table in "\\PC{0,200}") {
            let _ = (default_route(&table), describe(&table));
        }
    }
}
