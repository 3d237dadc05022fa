//! Names, asked for from a pod.

use crate::names::{self, LONG, TRUNCATED, answer, ask_tcp, ask_udp, inside, query};
use openshell_contract::condition::{Kind, Truth};
use openshell_e2e::{Gateway, docker};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// Queries under way at once.
const PARALLEL: u16 = 200;

#[test]
fn a_pod_resolves_names_whatever_the_first_resolver_does() {
    let gateway = Gateway::new("dns");
    let object = gateway.object();
    let _ = gateway.start(&["--no-wait"]).ok();
    let inspect = ["network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", &object];
    let host: Ipv4Addr = docker(&inspect).ok().trim().parse().unwrap();
    names::serve(IpAddr::V4(host));
    let [a, b, ..] = host.octets();
    let nobody = Ipv4Addr::new(a, b, 255, 250);
    let upstreams = format!("UPSTREAM_DNS={nobody},{host}");
    let _ = gateway.start(&["--env", &upstreams]).ok();
    let status = gateway.status().unwrap();
    let relay: IpAddr = status.node.unwrap().address.parse().unwrap();
    let relay = SocketAddr::from((relay, 53));
    let resolv = gateway.exec(&["cat", "/etc/rancher/k3s/resolv.conf"]).ok();
    assert_eq!(resolv.matches("nameserver").count(), 1, "{resolv}");
    assert!(resolv.contains(&format!("nameserver {}\n", relay.ip())), "{resolv}");
    gateway.wait("the condition tells that names are resolved", || {
        let conditions = gateway.status().map(|status| status.conditions).unwrap_or_default();
        conditions.iter().any(|c| c.kind == Kind::Dns && c.status == Truth::True)
    });

    let pod = pod_process(&gateway);
    inside(pod, || {
        let first = query(1, "name");
        assert_eq!(ask_udp(relay, &first), Some(answer(&first)));
        // The dead one has been found out by then.
        let begin = Instant::now();
        let second = query(2, "name");
        assert_eq!(ask_udp(relay, &second), Some(answer(&second)));
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());

        let long = query(3, "long");
        assert_eq!(ask_udp(relay, &long).unwrap()[2] & TRUNCATED, TRUNCATED);
        let whole = ask_tcp(relay, &long);
        assert_eq!((whole.len(), &whole[..2]), (LONG, &long[..2]));
    });
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..PARALLEL)
            .map(|id| {
                scope.spawn(move || {
                    let query = query(id, &format!("name-{id}"));
                    inside(pod, || ask_udp(relay, &query)) == Some(answer(&query))
                })
            })
            .collect();
        let own = asking.into_iter().map(|thread| thread.join().unwrap()).filter(|own| *own);
        assert_eq!(own.count(), usize::from(PARALLEL));
    });
    let line =
        format!("measured: {PARALLEL} queries at once from a pod: {} ms\n", begin.elapsed().as_millis());
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
}

/// The gateway's process in its pod, as the host numbers it.
fn pod_process(gateway: &Gateway) -> u32 {
    let processes = gateway.processes();
    let server = processes.lines().find(|line| line.contains("openshell-serve"));
    server
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_else(|| panic!("{processes}"))
}
