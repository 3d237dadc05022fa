//! `resolv.conf(5)`.

use std::net::{IpAddr, Ipv4Addr};

/// What pods keep of the container's file.
const KEPT: [&str; 2] = ["search", "options"];

/// The nameservers that it names, in order, each once.
pub fn nameservers(resolv_conf: &str) -> Vec<IpAddr> {
    let mut servers = Vec::new();
    for (_, value) in lines(resolv_conf).filter(|(keyword, _)| *keyword == "nameserver") {
        if let Some(server) = value.split_whitespace().next().and_then(|word| word.parse().ok())
            && !servers.contains(&server)
        {
            servers.push(server);
        }
    }
    servers
}

/// The container's file with the relay as the only nameserver; `search` and `options` stay.
pub fn for_pods(resolv_conf: &str, relay: Ipv4Addr) -> String {
    let mut text = format!("nameserver {relay}\n");
    for (keyword, value) in lines(resolv_conf).filter(|(keyword, _)| KEPT.contains(keyword)) {
        text.extend([keyword, " ", value, "\n"]);
    }
    text
}

/// Keyword and value of each line that has both. A comment begins in the first column.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let told = text.lines().filter(|line| !line.starts_with(['#', ';']));
    told.filter_map(|line| {
        let (keyword, value) = line.trim().split_once(char::is_whitespace)?;
        Some((keyword, value.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RELAY: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 2);

    #[test]
    fn pods_get_the_relay_and_keep_the_rest() {
        let docker = "# made by Docker\nsearch example.org corp\nnameserver 127.0.0.11\noptions ndots:0 edns0\n\
                      searching for trouble\n;options no\nnameserver\tfd00::1\nnameserver 127.0.0.11\n";
        assert_eq!(nameservers(docker), ["127.0.0.11", "fd00::1"].map(|ip| ip.parse::<IpAddr>().unwrap()));
        assert_eq!(
            for_pods(docker, RELAY),
            "nameserver 172.18.0.2\nsearch example.org corp\noptions ndots:0 edns0\n"
        );
    }

    proptest! {
        #[test]
        fn whatever_the_file_is_pods_see_the_relay_alone_and_every_search_and_option(
            lines in proptest::collection::vec(
                prop_oneof![
                    "nameserver (127|10)\\.0\\.0\\.[0-9]{1,2}", "nameserver \\PC{0,12}",
                    "search [a-z]{1,9}( [a-z]{1,9})?", "options ndots:[0-9]", "\\PC{0,20}",
                ],
                0..12,
            ),
        ) {
            let file = lines.join("\n");
            let pods = for_pods(&file, RELAY);
            prop_assert_eq!(nameservers(&pods), [IpAddr::V4(RELAY)]);
            for line in lines.iter().filter(|l| l.starts_with("search ") || l.starts_with("options ")) {
                let kept = pods.lines().any(|l| l.split_whitespace().eq(line.split_whitespace()));
                prop_assert!(kept || line.split_whitespace().count() < 2, "{line:?} is not in {pods:?}");
            }
            // Read again, it is the same.
            prop_assert_eq!(for_pods(&pods, RELAY), pods);
        }
    }
}
