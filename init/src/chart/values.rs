//! Typed values for the chart. What is not set is left out, so that the chart's own default holds and a
//! server is never given a flag that it doesn't know.

use openshell_contract::settings::Settings;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// What the values depend on, besides the settings.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// Address of the host as seen from pods.
    pub host_gateway: Option<Ipv4Addr>,
    /// Digests of what the pod mounts or reads; a change rolls it out.
    pub checksums: &'a BTreeMap<&'static str, String>,
}

/// The chart's values.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Values<'a> {
    image: Image<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Service>,
    server: Server<'a>,
    checksums: &'a BTreeMap<&'static str, String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Image<'a> {
    repository: String,
    tag: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_policy: Option<&'a str>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    #[serde(skip_serializing_if = "Option::is_none")]
    health_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics_port: Option<u16>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Server<'a> {
    disable_tls: bool,
    disable_gateway_auth: bool,
    #[serde(rename = "hostGatewayIP", skip_serializing_if = "Option::is_none")]
    host_gateway_ip: Option<Ipv4Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bind_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    db_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox_image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox_image_pull_policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh_gateway_host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh_gateway_port: Option<u16>,
}

/// The values for `settings`.
pub fn values<'a>(settings: &'a Settings, inputs: &Inputs<'a>) -> Values<'a> {
    let w = &settings.workload;
    Values {
        image: Image {
            repository: format!("{}/gateway", w.repo_base),
            tag: &w.tag,
            pull_policy: w.pull_policy.as_deref(),
        },
        service: (w.health_port.is_some() || w.metrics_port.is_some())
            .then_some(Service { health_port: w.health_port, metrics_port: w.metrics_port }),
        server: Server {
            disable_tls: settings.disable_tls,
            disable_gateway_auth: settings.disable_gateway_auth,
            host_gateway_ip: inputs.host_gateway,
            bind_address: w.bind_address.as_deref(),
            db_url: w.db_url.as_deref(),
            sandbox_image: w.sandbox_image.as_deref(),
            sandbox_image_pull_policy: w.sandbox_pull_policy.as_deref(),
            ssh_gateway_host: w.ssh_gateway_host.as_deref(),
            ssh_gateway_port: w.ssh_gateway_port,
        },
        checksums: inputs.checksums,
    }
}

impl Values<'_> {
    /// The gateway image.
    pub fn image(&self) -> String {
        format!("{}:{}", self.image.repository, self.image.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshell_contract::settings::{Layer, Source};
    use serde_json::json;

    fn rendered(environment: &[(&str, &str)]) -> serde_json::Value {
        let layer: Layer = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let settings = Settings::from_layers(&[(Source::Environment, &layer)]).unwrap();
        let checksums = BTreeMap::from([("client-ca", "c0ffee".to_owned())]);
        let inputs = Inputs { host_gateway: Some(Ipv4Addr::new(172, 18, 0, 1)), checksums: &checksums };
        serde_json::to_value(values(&settings, &inputs)).unwrap()
    }

    #[test]
    fn the_default_gives_the_earlier_server_nothing_that_it_does_not_know() {
        assert_eq!(
            rendered(&[]),
            json!({
                "image": {"repository": "ghcr.io/nvidia/openshell/gateway", "tag": "0.0.22"},
                "server": {"disableTls": false, "disableGatewayAuth": false, "hostGatewayIP": "172.18.0.1"},
                "checksums": {"client-ca": "c0ffee"},
            })
        );
    }

    #[test]
    fn the_later_server_gets_its_ports() {
        let values = rendered(&[
            ("OPENSHELL_SERVER_HEALTH_PORT", "8081"),
            ("OPENSHELL_SERVER_BIND_ADDRESS", "0.0.0.0"),
            ("IMAGE_PULL_POLICY", "IfNotPresent"),
        ]);
        assert_eq!(values["service"], json!({"healthPort": 8081}));
        assert_eq!(values["server"]["bindAddress"], "0.0.0.0");
        assert_eq!(values["image"]["pullPolicy"], "IfNotPresent");
    }
}
