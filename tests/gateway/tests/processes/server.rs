//! The real `openshell-server` process: transports, persistence, stop, and what it refuses to start with.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::support::{Pki, Process, SECRET, SERVER, run, stderr, stdout};
use tempfile::TempDir;

struct World {
    directory: TempDir,
    pki: Pki,
    foreign: Pki,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let pki = Pki::new(directory.path(), "ours");
        let foreign = Pki::new(directory.path(), "foreign");
        pki.leaf("server");
        pki.leaf("client");
        foreign.leaf("client");
        Self { directory, pki, foreign }
    }

    fn url(&self) -> String {
        format!("sqlite:{}/openshell.db", self.directory.path().display())
    }

    fn start(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (Process, SocketAddr) {
        let url = self.url();
        let mut all = vec!["--port", "0", "--log-level", "info", "--db-url", &url];
        all.extend(arguments);
        let files = ["server.crt", "server.key", "ca.crt"].map(|name| self.pki.file(name));
        let mut variables = vec![
            ("OPENSHELL_SSH_HANDSHAKE_SECRET", SECRET),
            ("OPENSHELL_TLS_CERT", &files[0]),
            ("OPENSHELL_TLS_KEY", &files[1]),
            ("OPENSHELL_TLS_CLIENT_CA", &files[2]),
            // Kubernetes sets this one beside a Service named openshell; it isn't the server's.
            ("OPENSHELL_PORT", "tcp://10.43.0.9:8080"),
        ];
        variables.extend(environment);
        let process = Process::start(SERVER, &all, &variables);
        let mut address = process.listening("gRPC");
        if address.ip().is_unspecified() {
            address.set_ip("127.0.0.1".parse().unwrap());
        }
        (process, address)
    }

    fn check(&self, address: SocketAddr, client: Option<&Pki>) -> Result<(), String> {
        let (address, ca) = (address.to_string(), self.pki.file("ca.crt"));
        let mut arguments = vec!["check", "--addr", &address, "--ca", &ca];
        let pair = client.map(|pki| [pki.file("client.crt"), pki.file("client.key")]);
        if let Some([cert, key]) = &pair {
            arguments.extend(["--cert", cert, "--key", key]);
        }
        verdict(&arguments)
    }

    fn counter(&self, flags: &[&str]) -> String {
        let url = self.url();
        let arguments = [&["counter", "--db-url", &url], flags].concat();
        let output = run(SERVER, &arguments, &[]);
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output).trim_end().to_owned()
    }
}

fn verdict(arguments: &[&str]) -> Result<(), String> {
    let output = run(SERVER, arguments, &[]);
    if output.status.success() {
        assert_eq!(stdout(&output), "SERVING\n");
        return Ok(());
    }
    assert_eq!(output.status.code(), Some(1));
    Err(stderr(&output).to_owned())
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn only_a_client_certificate_of_our_ca_is_answered() {
    let world = World::new();
    let (process, address) = world.start(&[], &[]);
    world.check(address, Some(&world.pki)).unwrap();
    let none = world.check(address, None).unwrap_err();
    assert!(none.contains("no client certificate was shown"), "{none}");
    let foreign = world.check(address, Some(&world.foreign)).unwrap_err();
    assert!(foreign.contains(&world.foreign.file("client.crt")), "{foreign}");
    // A stranger's TLS and a probe that hangs up are told of, and leave the server as it was.
    process.line("tls accept error");
    drop(TcpStream::connect(address).unwrap());
    process.line("handshake eof");
    world.check(address, Some(&world.pki)).unwrap();
}

#[test]
fn without_gateway_auth_no_certificate_is_fine_but_a_foreign_one_is_not() {
    let world = World::new();
    let (_process, address) = world.start(&[], &[("OPENSHELL_DISABLE_GATEWAY_AUTH", "true")]);
    world.check(address, None).unwrap();
    world.check(address, Some(&world.pki)).unwrap();
    world.check(address, Some(&world.foreign)).unwrap_err();
}

#[test]
fn without_tls_it_speaks_plaintext_only() {
    let world = World::new();
    let (_process, address) = world.start(&[], &[("OPENSHELL_DISABLE_TLS", "true")]);
    verdict(&["check", "--plaintext", "--addr", &address.to_string()]).unwrap();
    let service = ["--service", "openshell.v1.OpenShell"];
    verdict(&[&["check", "--plaintext", "--addr", &address.to_string()], &service[..]].concat()).unwrap();
    world.check(address, Some(&world.pki)).unwrap_err();
}

#[test]
fn counters_grow_over_restarts_and_sigterm_leaves_a_clean_database() {
    let world = World::new();
    for starts in 1..=3 {
        let (process, address) = world.start(&[], &[]);
        assert_eq!(world.counter(&[]), format!(r#"{{"starts":{starts},"counter":{}}}"#, starts - 1));
        let raised = world.counter(&["--increment"]);
        assert_eq!(raised, format!(r#"{{"starts":{starts},"counter":{starts}}}"#));
        // An open connection that says nothing must not hold up the stop.
        let idle = TcpStream::connect(address).unwrap();
        let (status, took) = process.terminate();
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_secs(1), "{took:?}");
        drop(idle);
        let left = std::fs::read_dir(world.directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("openshell.db")).collect();
        assert_eq!(left, ["openshell.db"]);
    }
}

#[test]
fn a_killed_server_loses_no_counted_number() {
    let world = World::new();
    let (process, _) = world.start(&[], &[]);
    world.counter(&["--increment"]);
    drop(process);
    let (_process, _) = world.start(&[], &[]);
    assert_eq!(world.counter(&[]), r#"{"starts":2,"counter":1}"#);
}

#[test]
fn health_and_metrics_answer_on_their_own_ports() {
    let world = World::new();
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (health, metrics) = (free(), free());
    let ports = [health.port().to_string(), metrics.port().to_string()];
    let arguments = ["--bind-address", "127.0.0.1", "--health-port", &ports[0], "--metrics-port", &ports[1]];
    let (_process, _) = world.start(&arguments, &[("OPENSHELL_TEST_GENERATION", "b")]);
    assert!(get(health, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(health, "/readyz").starts_with("HTTP/1.1 200"));
    assert!(get(health, "/metrics").starts_with("HTTP/1.1 404"));
    assert!(get(metrics, "/metrics").contains("openshell_test_gateway_starts_total 1\n"));
}

#[test]
fn the_first_generation_refuses_later_flags() {
    let first = [("OPENSHELL_TEST_GENERATION", "a")];
    let output = run(SERVER, &["--port", "8080", "--health-port", "8081"], &first);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--health-port"), "{}", stderr(&output));
}

#[test]
fn what_keeps_it_from_starting_is_named_and_the_secret_is_not() {
    let secret = ("OPENSHELL_SSH_HANDSHAKE_SECRET", SECRET);
    let database = ("OPENSHELL_DB_URL", "sqlite:/nonexistent/openshell.db");
    let plain = ("OPENSHELL_DISABLE_TLS", "true");
    for (environment, named) in [
        (vec![database, plain], "OPENSHELL_SSH_HANDSHAKE_SECRET"),
        (vec![database, plain, ("OPENSHELL_SSH_HANDSHAKE_SECRET", "")], "OPENSHELL_SSH_HANDSHAKE_SECRET"),
        (vec![secret, plain], "OPENSHELL_DB_URL"),
        (vec![secret, plain, database], "/nonexistent/openshell.db"),
        (vec![secret, database], "OPENSHELL_TLS_CERT"),
        (vec![secret, database, plain, ("OPENSHELL_LOG_LEVEL", "a=b=c")], "OPENSHELL_LOG_LEVEL"),
        (
            vec![
                secret,
                database,
                ("OPENSHELL_TLS_CERT", "/nonexistent/tls.crt"),
                ("OPENSHELL_TLS_KEY", "k"),
                ("OPENSHELL_TLS_CLIENT_CA", "a"),
            ],
            "/nonexistent/tls.crt",
        ),
    ] {
        let output = run(SERVER, &["--port", "0"], &environment);
        assert!(!output.status.success());
        assert!(stderr(&output).contains(named), "{named}: {}", stderr(&output));
        assert!(!stderr(&output).contains(SECRET) && !stdout(&output).contains(SECRET));
    }
}
