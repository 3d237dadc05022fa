//! A container registry on this machine that wants a user and a password (`registry/`).

use crate::{docker, run};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// The registry; it ends with this value.
pub struct Registry {
    process: Child,
    /// Its port, on every address of this machine.
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    /// Where Docker keeps the login, and where the program is.
    dir: tempfile::TempDir,
}

impl Registry {
    /// Starts an empty one.
    ///
    /// # Panics
    /// It can't be built or started.
    #[must_use]
    pub fn start(user: &str, password: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let program = dir.path().join("registry");
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("registry");
        let mut build = Command::new("go");
        build.args(["build", "-buildvcs=false", "-o"]).arg(&program).arg(".").current_dir(module);
        let _ = run(&mut build, "").ok();
        let mut command = Command::new(&program);
        command.arg("0.0.0.0:0").env("REGISTRY_USER", user).env("REGISTRY_PASSWORD", password);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut said = BufReader::new(process.stdout.take().expect("its output"));
        let mut first = String::new();
        let _ = said.read_line(&mut first).expect("its address");
        let port = first.trim().rsplit(':').next().and_then(|port| port.parse().ok()).expect("its port");
        let requests = Arc::default();
        keep(said, Arc::clone(&requests));
        let registry = Self { process, port, requests, dir };
        let login = ["login", "--username", user, "--password-stdin", &registry.address()];
        let _ =
            run(Command::new("docker").args(login).env("DOCKER_CONFIG", registry.dir.path()), password).ok();
        registry
    }

    /// Pushes Docker's `image` under `name`.
    ///
    /// # Panics
    /// Docker can't.
    pub fn push(&self, image: &str, name: &str) {
        let target = format!("{}/{name}", self.address());
        let _ = docker(&["tag", image, &target]).ok();
        let pushed =
            run(Command::new("docker").args(["push", &target]).env("DOCKER_CONFIG", self.dir.path()), "");
        // It is there only for being pushed.
        let _ = docker(&["rmi", &target]);
        let _ = pushed.ok();
    }

    /// The requests until now, as "STATUS METHOD path".
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The directory with Docker's login.
    #[must_use]
    pub fn docker_config(&self) -> &Path {
        self.dir.path()
    }

    /// Its address for Docker, which takes plain HTTP from the loopback only.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Keeps each line, so that nobody waits for its reader.
fn keep(said: BufReader<ChildStdout>, into: Arc<Mutex<Vec<String>>>) {
    std::thread::spawn(move || {
        for line in said.lines().map_while(Result::ok) {
            into.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
}
