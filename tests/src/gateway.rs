//! A gateway under test. Dropping it removes everything of it; a failing test leaves its log behind.

use crate::{Output, PATIENCE, docker, run};
use openshell_contract::condition::{Condition, Kind};
use openshell_contract::names::host;
use openshell_contract::status::{Phase, Status};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(100);

/// A gateway under test.
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// Its port on the host.
    pub port: u16,
    config: tempfile::TempDir,
}

impl Gateway {
    /// A gateway that does not exist yet, with a free port and a configuration directory of its own.
    ///
    /// # Panics
    /// The system has neither.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let gateway =
            Self { name: format!("e2e-{name}"), port, config: tempfile::tempdir().expect("a directory") };
        gateway.remove();
        gateway
    }

    /// Name of container, volume and network.
    #[must_use]
    pub fn object(&self) -> String {
        host::object(&self.name)
    }

    /// `openshell gateway start` with `more` arguments.
    #[must_use]
    pub fn start(&self, more: &[&str]) -> Output {
        run(&mut self.start_command(more), "")
    }

    /// The same with `image`.
    #[must_use]
    pub fn start_image(&self, image: &str, more: &[&str]) -> Output {
        let port = self.port.to_string();
        self.openshell(&[&["start", "--image", image, "--port", &port], more].concat())
    }

    /// `openshell gateway start` with `more` arguments, to be run.
    #[must_use]
    pub fn start_command(&self, more: &[&str]) -> Command {
        let mut command = self.command("gateway");
        command.args(["start", "--image", &cluster_image(), "--port", &self.port.to_string()]).args(more);
        command
    }

    /// `openshell gateway` with `args`, on this gateway.
    #[must_use]
    pub fn openshell(&self, args: &[&str]) -> Output {
        run(self.command("gateway").args(args), "")
    }

    /// What `openshell doctor bundle` packs, with the names of its files.
    ///
    /// # Panics
    /// It can't.
    #[must_use]
    #[track_caller]
    pub fn bundle(&self) -> String {
        let bundle = run(self.command("doctor").args(["bundle", "-"]), "").ok();
        for file in ["check.txt", "container.json", "docker-info.json", "status.json", "log.txt"] {
            assert!(bundle.contains(&format!("openshell-bundle/{file}")), "the bundle has no {file}");
        }
        bundle
    }

    /// `openshell TOPIC` on this gateway, to be run.
    #[must_use]
    pub fn command(&self, topic: &str) -> Command {
        let mut command = Command::new(openshell_bin());
        command.arg(topic).env("OPENSHELL_GATEWAY", &self.name);
        command.env("XDG_CONFIG_HOME", self.config.path());
        command
    }

    /// Directory of the client certificates on the host.
    #[must_use]
    pub fn certificates(&self) -> PathBuf {
        self.config.path().join("openshell/gateways").join(&self.name).join("mtls")
    }

    /// Directory of the host command's files.
    #[must_use]
    pub fn config(&self) -> &Path {
        self.config.path()
    }

    /// The metadata file on the host.
    #[must_use]
    pub fn metadata(&self) -> PathBuf {
        self.config.path().join("openshell/gateways").join(&self.name).join("metadata.json")
    }

    /// Runs a program in the container.
    #[must_use]
    pub fn exec(&self, args: &[&str]) -> Output {
        docker(&[&["exec", &self.object()], args].concat())
    }

    /// Runs `kubectl` in the container, with `input`.
    #[must_use]
    pub fn kubectl(&self, args: &[&str], input: &str) -> Output {
        let object = self.object();
        let fixed = ["exec", "-i", &object, "kubectl", "-n", "openshell"];
        run(Command::new("docker").args([&fixed, args].concat()), input)
    }

    /// The status document, if process 1 gives one.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        serde_json::from_str(&self.exec(&["openshell-init", "status", "--json"]).stdout).ok()
    }

    /// Waits until the gateway is ready.
    ///
    /// # Panics
    /// It is not within [`PATIENCE`].
    #[track_caller]
    pub fn wait_ready(&self) {
        self.wait(&format!("{} is ready", self.name), || {
            self.status().is_some_and(|s| s.phase == Phase::Ready)
        });
    }

    /// Waits for a condition.
    ///
    /// # Panics
    /// It does not hold within [`PATIENCE`].
    #[track_caller]
    pub fn wait(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < deadline, "gave up waiting until {what}; status: {:#?}", self.status());
            std::thread::sleep(POLL);
        }
    }

    /// Asks the gateway for its health through its port on the host, as a client with the exported
    /// certificate or as one without.
    #[must_use]
    pub fn grpc_health(&self, with_certificate: bool) -> Output {
        self.grpc_health_with(&self.certificates(), with_certificate)
    }

    /// The same, with the files in `dir`.
    #[must_use]
    pub fn grpc_health_with(&self, dir: &Path, with_certificate: bool) -> Output {
        let mount = format!("{}:/certs:ro", dir.display());
        let address = format!("127.0.0.1:{}", self.port);
        let image = std::env::var("OPENSHELL_CHECK_IMAGE")
            .unwrap_or_else(|_| "openshell-test/gateway:dev".to_owned());
        let mut args = vec!["run", "--rm", "--network", "host", "--user", "0", "-v", &mount, &image, "check"];
        args.extend(["--addr", &address, "--ca", "/certs/ca.crt"]);
        if with_certificate {
            args.extend(["--cert", "/certs/tls.crt", "--key", "/certs/tls.key"]);
        }
        docker(&args)
    }

    /// Process ids and states in the container, as the host sees them.
    #[must_use]
    pub fn processes(&self) -> String {
        docker(&["top", &self.object(), "-eo", "pid,ppid,stat,comm"]).ok()
    }

    /// A field of `docker inspect`.
    #[must_use]
    pub fn inspect(&self, format: &str) -> String {
        docker(&["inspect", "--format", format, &self.object()]).ok().trim().to_owned()
    }

    fn remove(&self) {
        let object = self.object();
        // What is not there need not be removed.
        for aside in ["previous", "failed"] {
            let _ = docker(&["rm", "-f", &format!("openshell-{aside}-{}", self.name)]);
        }
        for args in [["rm", "-fv", &object], ["volume", "rm", &object], ["network", "rm", &object]] {
            let _ = docker(&args);
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = docker(&["logs", "--tail", "150", &self.object()]);
            // The test runner shows what a failing test wrote.
            let mut err = std::io::stderr().lock();
            let _ = std::io::Write::write_fmt(
                &mut err,
                format_args!("log of {}:\n{}\n{}\n", self.name, log.stdout, log.stderr),
            );
        }
        self.remove();
    }
}

/// The cluster image under test.
#[must_use]
pub fn cluster_image() -> String {
    std::env::var("OPENSHELL_CLUSTER_IMAGE").unwrap_or_else(|_| "openshell/cluster:dev".to_owned())
}

/// The host command under test.
#[must_use]
pub fn openshell_bin() -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/openshell");
    std::env::var_os("OPENSHELL_BIN").map_or(default, PathBuf::from)
}

/// A condition of a status.
///
/// # Panics
/// It has none of this kind.
#[must_use]
#[track_caller]
pub fn condition(status: &Status, kind: Kind) -> Condition {
    status.conditions.iter().find(|c| c.kind == kind).cloned().unwrap_or_else(|| panic!("no {kind:?}"))
}
