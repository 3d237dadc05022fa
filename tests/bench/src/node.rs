//! A container with a node in it and no gateway command beside it. Dropping it removes it.

use crate::probe::poll;
use openshell_e2e::{Output, docker, run};
use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

/// Where a gateway's service listens on its node.
const NODE_PORT: u16 = 30051;

/// A node's container.
pub struct Node {
    /// Name of container and volume.
    pub name: &'static str,
    /// The host's port.
    pub port: u16,
}

impl Node {
    /// A container of `image`, not started yet, that runs `command`.
    ///
    /// # Panics
    /// Docker refuses it.
    pub fn create(name: &'static str, image: &str, options: &[&str], command: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let node = Self { name, port: listener.local_addr().expect("its number").port() };
        node.remove();
        let publish = format!("127.0.0.1:{}:{NODE_PORT}", node.port);
        let volume = format!("{name}:/var/lib/rancher/k3s");
        let fixed = ["create", "--name", name, "--hostname", name, "--privileged", "--cgroupns", "host"];
        let where_ = ["--tmpfs", "/run:exec,mode=755", "--publish", &publish, "--volume", &volume];
        let _ = docker(&[&fixed[..], &where_, options, &[image], command].concat()).ok();
        node
    }

    /// Starts it.
    pub fn start(&self) {
        let _ = docker(&["start", self.name]).ok();
    }

    /// Stops it; Docker kills it after its ten seconds.
    pub fn stop(&self) -> Output {
        docker(&["stop", self.name])
    }

    /// Runs `kubectl` in it, with `input`.
    pub fn kubectl(&self, args: &[&str], input: &str) -> Output {
        run(Command::new("docker").args(["exec", "-i", self.name, "kubectl"]).args(args), input)
    }

    /// Waits for its API.
    pub fn wait_for_api(&self) {
        poll("the API is ready", || self.kubectl(&["get", "--raw=/readyz"], "").code == 0);
    }

    fn remove(&self) {
        // What is not there need not be removed.
        for args in [["rm", "-fv", self.name], ["volume", "rm", self.name]] {
            let _ = docker(&args);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = docker(&["logs", "--tail", "50", self.name]);
            // Nobody to tell if that fails.
            let _ = writeln!(std::io::stderr(), "log of {}:\n{}\n{}", self.name, log.stdout, log.stderr);
        }
        self.remove();
    }
}
