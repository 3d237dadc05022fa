//! Proxy variables: what is in the cluster must not go through a proxy outside of it.

use super::PODS_AND_SERVICES;
use openshell_contract::settings::Layer;
use std::net::Ipv4Addr;

/// Variables that name a proxy, in both spellings (`curl(1)`, "ENVIRONMENT").
const PROXIES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];
/// What else is reached inside the node: loopback, and the names of services.
const LOOPBACK: [&str; 2] = ["localhost", "127.0.0.0/8"];
const SERVICES: [&str; 2] = [".svc", ".cluster.local"];

/// The exceptions that k3s gets when `environment` names a proxy: those that are there already, and the
/// cluster's own. Nothing without a proxy.
pub fn exceptions(environment: &Layer, node: Ipv4Addr) -> Vec<(String, String)> {
    if !PROXIES.iter().any(|name| environment.get(*name).is_some_and(|value| !value.trim().is_empty())) {
        return Vec::new();
    }
    let given = ["NO_PROXY", "no_proxy"].iter().find_map(|name| environment.get(*name));
    let mut all: Vec<String> = given
        .map(|list| list.split(',').map(str::trim).filter(|e| !e.is_empty()).map(str::to_owned).collect())
        .unwrap_or_default();
    let inside = [LOOPBACK, PODS_AND_SERVICES, SERVICES].concat();
    for wanted in inside.iter().map(ToString::to_string).chain([node.to_string()]) {
        if !all.contains(&wanted) {
            all.push(wanted);
        }
    }
    let list = all.join(",");
    ["NO_PROXY", "no_proxy"].map(|name| (name.to_owned(), list.clone())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 2);

    fn environment(pairs: &[(&str, &str)]) -> Layer {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn without_a_proxy_nothing_is_set() {
        assert!(exceptions(&environment(&[("NO_PROXY", "x"), ("HTTP_PROXY", "")]), NODE).is_empty());
    }

    #[test]
    fn the_clusters_own_addresses_are_added_once_to_what_is_there() {
        let layer =
            environment(&[("https_proxy", "http://proxy:3128"), ("NO_PROXY", "corp.example, localhost")]);
        let wanted =
            "corp.example,localhost,127.0.0.0/8,10.42.0.0/16,10.43.0.0/16,.svc,.cluster.local,172.18.0.2";
        assert_eq!(
            exceptions(&layer, NODE),
            ["NO_PROXY", "no_proxy"].map(|name| (name.to_owned(), wanted.to_owned()))
        );
    }
}
