//! A container that gets another address while it is stopped.

use openshell_contract::condition::{Kind, Truth};
use openshell_contract::status::BootKind;
use openshell_e2e::snapshot::Snapshot;
use openshell_e2e::{Gateway, condition, docker, measured};
use std::time::Instant;

/// A Docker network that goes when the test ends.
struct Network(String);

impl Network {
    fn create(name: &str) -> Self {
        // One of a run that was cut off.
        let _ = docker(&["network", "rm", name]);
        let _ = docker(&["network", "create", name]).ok();
        Self(name.to_owned())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The gateway goes later: it is disconnected by force.
        let members =
            docker(&["network", "inspect", "-f", "{{range .Containers}}{{.Name}} {{end}}", &self.0]);
        for member in members.stdout.split_whitespace() {
            let _ = docker(&["network", "disconnect", "-f", &self.0, member]);
        }
        let _ = docker(&["network", "rm", &self.0]);
    }
}

#[test]
fn another_address_is_followed_by_everything_and_changes_no_secret() {
    let gateway = Gateway::new("address");
    let _ = gateway.start(&[]).ok();
    let (before, old) = (Snapshot::take(&gateway), gateway.status().unwrap().node.unwrap());
    let object = gateway.object();

    let other = Network::create("openshell-e2e-other");
    let _ = docker(&["stop", &object]).ok();
    let _ = docker(&["network", "disconnect", &object, &object]).ok();
    let _ = docker(&["network", "connect", &other.0, &object]).ok();
    let begin = Instant::now();
    let _ = docker(&["start", &object]).ok();
    gateway.wait_ready();
    measured("another address: ready", begin);

    let status = gateway.status().unwrap();
    let new = status.node.clone().unwrap();
    assert_ne!(new.address, old.address, "the test gave it no other address");
    assert_eq!(new.name, old.name);
    assert_eq!(status.boot, Some(BootKind::AddressChanged));
    let after = Snapshot::take(&gateway);
    // The chart follows the host's address if that is another one as well.
    assert_eq!(Snapshot { revision: before.revision, ..after }, before);
    assert_eq!(gateway.grpc_health(true).ok().trim(), "SERVING");

    let internal = "jsonpath={.status.addresses[?(@.type=='InternalIP')].address}";
    assert_eq!(gateway.kubectl(&["get", "node", &new.name, "-o", internal], "").ok(), new.address);
    // The certificate of the API is for the new address, for a client that checks.
    let server = format!("--server=https://{}:6443", new.address);
    let _ = gateway.kubectl(&["--kubeconfig=/etc/rancher/k3s/k3s.yaml", &server, "get", "nodes"], "").ok();
    // The API server's lease on the old address ends by itself.
    gateway.wait("no endpoint has the old address", || {
        let slices = ["get", "endpointslices", "-A", "-o", "jsonpath={.items[*].endpoints[*].addresses[*]}"];
        let addresses = gateway.kubectl(&slices, "").stdout;
        let all: Vec<_> = addresses.split_whitespace().collect();
        all.contains(&new.address.as_str()) && !all.contains(&old.address.as_str())
    });
    let resolv = gateway.exec(&["cat", "/etc/rancher/k3s/resolv.conf"]).ok();
    assert!(resolv.lines().any(|line| line == format!("nameserver {}", new.address)), "{resolv}");
    the_hosts_address_is_followed(&gateway);
    let port = condition(&status, Kind::Port);
    assert_eq!(port.status, Truth::True, "{port:?}");
}

/// While the container runs: what its file says counts, wherever the default route leads.
fn the_hosts_address_is_followed(gateway: &Gateway) {
    const HOST: &str = "192.0.2.77";
    let aliases = || {
        let path = "jsonpath={range .spec.hostAliases[*]}{.ip}={.hostnames[*]} {end}";
        gateway.kubectl(&["get", "pod", "openshell-0", "-o", path], "").stdout
    };
    assert!(aliases().contains("host.docker.internal"), "{}", aliases());
    assert!(!aliases().contains(HOST), "{}", aliases());
    // The file is mounted: it can be written and not replaced.
    let edit = format!(
        "grep -v host.docker.internal /etc/hosts >/tmp/hosts; echo '{HOST} host.docker.internal' >>/tmp/hosts; \
         cat /tmp/hosts >/etc/hosts"
    );
    let begin = Instant::now();
    let _ = gateway.exec(&["sh", "-c", &edit]).ok();
    let _ = gateway.exec(&["openshell-init", "look"]).ok();
    assert!(aliases().contains(&format!("{HOST}=host.docker.internal")), "{}", aliases());
    measured("pods know the host's new address", begin);
    assert_eq!(gateway.grpc_health(true).ok().trim(), "SERVING");
}
