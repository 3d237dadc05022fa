//! A gateway that is killed at any instant of its first start or of a rotation, and started again, and a Helm that
//! is killed under it: it comes to the same good end.
//!
//! `OPENSHELL_E2E_KILLS` is how often each is done (1; Helm, which takes a moment, 5).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_e2e::client::secret_text;
use openshell_e2e::{Client, Gateway, docker, measured};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::time::{Duration, Instant};

fn kills(usual: usize) -> usize {
    std::env::var("OPENSHELL_E2E_KILLS").map_or(usual, |n| n.parse().unwrap())
}

#[test]
fn a_first_start_may_be_killed_at_any_instant() {
    let mut longest = Duration::from_secs(10);
    for kill in 0..kills(1) {
        let gateway = Gateway::new("kill-start");
        let begin = Instant::now();
        let _ = gateway.start(&["--no-wait"]).ok();
        let instant = random_below(longest);
        wait_until(begin + instant);
        kill_and_start(&gateway);
        gateway.wait_ready();
        // The next instants are spread over a whole start.
        longest = longest.max(Duration::from_millis(gateway.status().unwrap().ready_after_ms.unwrap()));
        report("first start", kill, instant);
        converged(&gateway, 1);
    }
}

#[test]
fn a_rotation_may_be_killed_at_any_instant() {
    let gateway = Gateway::new("kill-rotation");
    let _ = gateway.start(&[]).ok();
    for kill in 0..kills(1) {
        // In turn, since a CA is only made when the last one's leaves are in use.
        let what = if kill % 2 == 0 { "--ca" } else { "--leaf" };
        let old = Client::new(&gateway);
        let instant = random_below(Duration::from_secs(3));
        let object = gateway.object();
        let rotating =
            std::thread::spawn(move || docker(&["exec", &object, "openshell-init", "rotate", "pki", what]));
        wait_until(Instant::now() + instant);
        kill_and_start(&gateway);
        // Killed before, in the middle, or after: whatever it answered.
        let _ = rotating.join().unwrap();
        gateway.wait_ready();
        report(&format!("rotation {what}"), kill, instant);
        converged(&gateway, 2);
        old.connects(&gateway);
        // The other one needs this one to be complete.
        let _ = gateway.exec(&["openshell-init", "rotate", "pki", what]);
        gateway.wait_ready();
    }
    helm_may_be_killed_at_any_instant(&gateway);
}

/// It is made to deploy by an object that is missing, which no pod has to be replaced for.
fn helm_may_be_killed_at_any_instant(gateway: &Gateway) {
    const MISSING: &str = "networkpolicy/openshell-sandbox-ssh";
    let pod = || gateway.kubectl(&["get", "pod", "openshell-0", "-o", "jsonpath={.metadata.uid}"], "").ok();
    let revisions = || {
        let state = "jsonpath={.items[*].metadata.labels.status}";
        gateway.kubectl(&["get", "secrets", "-l", "owner=helm", "-o", state], "").ok()
    };
    let before = pod();
    let mut hits = 0;
    for kill in 0..kills(5) {
        let instant = random_below(Duration::from_millis(800));
        let wait = format!(
            "until pgrep -x helm >/dev/null; do :; done; sleep {}; pkill -KILL -x helm",
            instant.as_secs_f64()
        );
        let object = gateway.object();
        let killer =
            std::thread::spawn(move || docker(&["exec", &object, "timeout", "60", "sh", "-c", &wait]));
        let begin = Instant::now();
        let _ = gateway.kubectl(&["delete", MISSING], "").ok();
        let _ = gateway.exec(&["openshell-init", "look"]);
        // It may have ended before.
        hits += usize::from(killer.join().unwrap().code == 0);
        gateway.wait("all is deployed", || {
            gateway.exec(&["openshell-init", "look"]).code == 0
                && gateway.kubectl(&["get", MISSING], "").code == 0
        });
        report("helm", kill, instant);
        measured("helm killed: all is deployed", begin);
        let states = revisions();
        assert!(!states.contains("pending") && states.matches("deployed").count() == 1, "{states}");
        assert_eq!(pod(), before, "the gateway's pod was replaced");
    }
    assert!(hits > 0, "it was always too late");
    converged(gateway, 2);
}

/// Certificates of one CA, or of two in an overlap, and everybody accepts everybody.
fn converged(gateway: &Gateway, cas: usize) {
    let client = Client::new(gateway);
    assert!((1..=cas).contains(&client.cas()), "{} CAs", client.cas());
    let trusted = secret_text(gateway, "openshell-server-client-ca", "ca.crt");
    assert_eq!(client.file("ca.crt"), trusted, "clients and gateway trust different CAs");
    let current = secret_text(gateway, "openshell-ca", "ca.crt");
    assert!(trusted.contains(current.trim()), "the CA with the key is not the one that is trusted");
    client.verifies_strictly(gateway);
    client.connects(gateway);
}

fn kill_and_start(gateway: &Gateway) {
    let _ = docker(&["kill", &gateway.object()]).ok();
    let _ = docker(&["start", &gateway.object()]).ok();
}

/// The instant is what is waited for here, not a condition.
fn wait_until(instant: Instant) {
    std::thread::sleep(instant.saturating_duration_since(Instant::now()));
}

fn random_below(limit: Duration) -> Duration {
    let limit = u64::try_from(limit.as_millis()).unwrap();
    Duration::from_millis(RandomState::new().hash_one(limit) % limit)
}

fn report(what: &str, kill: usize, instant: Duration) {
    let line = format!("{what}, kill {kill}: after {} ms\n", instant.as_millis());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
