//! Certificates, processes and their log lines for tests of the real binaries.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

pub(crate) const SERVER: &str = env!("CARGO_BIN_EXE_openshell-server");
pub(crate) const SANDBOX: &str = env!("CARGO_BIN_EXE_openshell-sandbox");
pub(crate) const SECRET: &str = "5f2b7c0de1a94f3386bb0c5d7a6e4912f08d3c1b5a7e9f6042d8c3b1a0f9e8d7";

const PATIENCE: Duration = Duration::from_secs(20);

/// A directory with PEM files: `ca`, and leaves signed by it.
pub(crate) struct Pki {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new(directory: &Path, name: &str) -> Self {
        let directory = directory.join(name);
        fs::create_dir_all(&directory).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        fs::write(directory.join("ca.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { directory, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn leaf(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![String::from("localhost")]).unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.directory.join(format!("{name}.crt")), leaf.pem()).unwrap();
        fs::write(self.directory.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }
}

/// A running binary; killed if the test ends before it does.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    pub(crate) fn start(binary: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(binary)
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// The address in the line that says that the port for `what` listens.
    pub(crate) fn listening(&self, what: &str) -> SocketAddr {
        let wanted = format!("what=\"{what}\"");
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the port never listened");
            if line.contains("listening") && line.contains(&wanted) {
                let address = line.split("address=").nth(1).unwrap().split(' ').next().unwrap();
                return address.parse().unwrap();
            }
        }
    }

    /// The next line with `part` in it.
    pub(crate) fn line(&self, part: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line has {part:?}"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Sends SIGTERM; the exit status and how long it took.
    pub(crate) fn terminate(mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let status = self.child.wait().unwrap();
        (status, start.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a binary to its end with no environment but the given one.
pub(crate) fn run(binary: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(binary).args(arguments).env_clear().envs(environment.iter().copied()).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}
