//! Who has the wanted port.

use super::{Engine, request};
use crate::error::Error;
use crate::name::GatewayName;
use crate::plan::Port;
use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptions;
use std::net::{IpAddr, TcpListener};

impl Engine {
    /// Whether somebody but gateway `name` has `port` on `bind`.
    ///
    /// # Errors
    /// Docker refuses to list its containers.
    pub async fn port(&self, name: &GatewayName, bind: IpAddr, port: u16) -> Result<Port, Error> {
        let running = self
            .docker
            .list_containers(None::<ListContainersOptions>)
            .await
            .map_err(request("list the holders of port", &port.to_string()))?;
        let holder = running.iter().find(|c| publishes(c, bind, port)).map(container_name);
        let own = [name.object(), name.previous()];
        Ok(match holder {
            Some(holder) if own.contains(&holder) => Port::Free,
            Some(holder) => Port::Container(holder),
            None if self.host.is_local() => match TcpListener::bind((bind, port)) {
                Ok(_) => Port::Free,
                Err(e) => Port::Host(e.to_string()),
            },
            None => Port::Free,
        })
    }
}

fn publishes(container: &ContainerSummary, bind: IpAddr, port: u16) -> bool {
    container.ports.iter().flatten().filter(|p| p.public_port == Some(port)).any(|p| {
        let theirs: Option<IpAddr> = p.ip.as_deref().and_then(|ip| ip.parse().ok());
        theirs.is_none_or(|ip| ip.is_unspecified() || bind.is_unspecified() || ip == bind)
    })
}

fn container_name(container: &ContainerSummary) -> String {
    let name = container.names.iter().flatten().next().map(|n| n.trim_start_matches('/'));
    name.or(container.id.as_deref()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::PortSummary;

    #[test]
    fn addresses_that_do_not_meet_do_not_conflict() {
        let container = |ip: &str| ContainerSummary {
            ports: Some(vec![PortSummary {
                ip: Some(ip.to_owned()),
                public_port: Some(8080),
                ..PortSummary::default()
            }]),
            ..ContainerSummary::default()
        };
        let loopback = IpAddr::from([127, 0, 0, 1]);
        assert!(publishes(&container("0.0.0.0"), loopback, 8080));
        assert!(publishes(&container("127.0.0.1"), IpAddr::from([0, 0, 0, 0]), 8080));
        assert!(!publishes(&container("10.0.0.1"), loopback, 8080));
        assert!(!publishes(&container("127.0.0.1"), loopback, 8081));
    }
}
