//! Typed values for the chart. What is not set is left out, so that the chart's own default holds and a
//! server is never given a flag that it doesn't know.

use openshell_contract::settings::{self, Settings};
use serde::Serialize;
use std::borrow::Cow;
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
    #[serde(skip_serializing_if = "Option::is_none")]
    supervisor: Option<Supervisor<'a>>,
    server: Server<'a>,
    checksums: &'a BTreeMap<&'static str, String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Image<'a> {
    repository: Cow<'a, str>,
    tag: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_policy: Option<&'a str>,
}

#[derive(Clone, Debug, Serialize)]
struct Supervisor<'a> {
    image: Image<'a>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc: Option<Oidc<'a>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Oidc<'a> {
    issuer: &'a str,
    audience: &'a str,
    roles_claim: &'a str,
    admin_role: &'a str,
    user_role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes_claim: Option<&'a str>,
}

/// The values for `settings`.
pub fn values<'a>(settings: &'a Settings, inputs: &Inputs<'a>) -> Values<'a> {
    let w = &settings.workload;
    Values {
        image: match &w.gateway_image {
            Some(pushed) => Image::pushed(pushed, w.pull_policy.as_deref()),
            None => Image {
                repository: Cow::Owned(format!("{}/gateway", w.repo_base)),
                tag: &w.tag,
                pull_policy: w.pull_policy.as_deref(),
            },
        },
        supervisor: w
            .supervisor_image
            .as_ref()
            .map(|pushed| Supervisor { image: Image::pushed(pushed, None) }),
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
            oidc: w.oidc.as_ref().map(|oidc| Oidc {
                issuer: &oidc.issuer,
                audience: &oidc.audience,
                roles_claim: &oidc.roles_claim,
                admin_role: &oidc.admin_role,
                user_role: &oidc.user_role,
                scopes_claim: oidc.scopes_claim.as_deref(),
            }),
        },
        checksums: inputs.checksums,
    }
}

impl<'a> Image<'a> {
    fn pushed(image: &'a settings::Image, pull_policy: Option<&'a str>) -> Self {
        Self { repository: Cow::Borrowed(&image.repository), tag: &image.tag, pull_policy }
    }
}

#[cfg(test)]
mod tests;
