//! What is for pods and services stays in the node, also while they are not there.

use crate::capture::{Capture, Packet};
use openshell_e2e::{Gateway, docker};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// For a pod or a service (k3s's defaults).
fn for_the_cluster((_, to): Packet) -> bool {
    matches!(to.octets(), [10, 42 | 43, ..])
}

/// Name of the network's bridge on the host.
fn bridge(gateway: &Gateway) -> String {
    let id = docker(&["network", "inspect", "-f", "{{.Id}}", &gateway.object()]).ok();
    format!("br-{}", &id.trim()[..12])
}

/// Knocks at the gateway's port all the time.
fn while_knocking(gateway: &Gateway, work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    let address = SocketAddr::from(([127, 0, 0, 1], gateway.port));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // Refused, reset or accepted: each makes a packet for the port.
                let _ = TcpStream::connect_timeout(&address, Duration::from_millis(20));
            }
        });
        work();
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn over_restarts_nothing_for_a_pod_or_service_leaves_the_node() {
    let gateway = Gateway::new("seal");
    let _ = gateway.start(&[]).ok();
    let capture = Capture::start(&bridge(&gateway), for_the_cluster);
    while_knocking(&gateway, || {
        for how in [&["restart"][..], &["restart", "-t", "0"]] {
            let _ = docker(&[how, &[&gateway.object()]].concat()).ok();
            gateway.wait_ready();
        }
    });
    assert_eq!(capture.packets(), [], "left for the network of the host");

    // Without the seal it is seen: the test can fail.
    let capture = Capture::start(&bridge(&gateway), for_the_cluster);
    let send = "echo > /dev/udp/10.42.77.7/9";
    assert_ne!(gateway.exec(&["bash", "-c", send]).code, 0, "it was let out");
    let _ = gateway.exec(&["/run/openshell/iptables/iptables", "-t", "mangle", "-F", "OPENSHELL-SEAL"]).ok();
    let _ = gateway.exec(&["bash", "-c", send]).ok();
    gateway.wait("it has left", || gateway.exec(&["bash", "-c", send]).code == 0);
    std::thread::sleep(Duration::from_millis(300)); // the capture's own poll, and no condition to wait for
    assert!(!capture.packets().is_empty(), "the capture sees nothing");
}
