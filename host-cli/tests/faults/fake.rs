//! As much of Docker as a start asks for, in memory: names are taken once, a container needs its image and
//! network, and no two may run on one volume.

use crate::wire::request;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// ID of the image that is there, and of the one that a pull brings.
pub const IMAGE: &str = "sha256:0123456789abcdef";

/// What there is.
#[derive(Default)]
pub struct State {
    /// Containers by name: what they were made of, with their state beside it.
    pub containers: BTreeMap<String, Container>,
    /// Volumes by name, with their labels.
    pub volumes: BTreeMap<String, Value>,
    /// Networks: ID, name, labels.
    pub networks: Vec<(String, String, Value)>,
    /// Whether the image is here.
    pub image: bool,
    /// Its architecture.
    pub architecture: &'static str,
    /// What the daemon tells of its machine beside its architecture.
    pub machine: Value,
    /// Names of volumes that were removed.
    pub removed_volumes: Vec<String>,
    /// Whether two containers ever ran on one volume.
    pub both_ran: bool,
    execs: Vec<Vec<String>>,
    made: usize,
}

/// A container.
pub struct Container {
    /// Its ID.
    pub id: String,
    /// What it was made of.
    pub body: Value,
    /// Docker's word for its state.
    pub status: &'static str,
    /// The network that it is attached to.
    pub network: String,
}

/// The daemon.
pub struct Fake {
    dir: tempfile::TempDir,
    state: Arc<Mutex<State>>,
}

type Answer = (u16, Value);

impl Fake {
    pub fn new(state: State) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("docker.sock")).unwrap();
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away is a part of the test.
                thread::spawn(move || drop(serve(client, &state)));
            }
        });
        Self { dir, state }
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("docker.sock")
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn serve(mut client: UnixStream, state: &Mutex<State>) -> io::Result<()> {
    let (method, target, body) = request(&mut client)?;
    let target = target.trim_start_matches('/');
    // `/v1.41/…`, but for the request that finds out the version.
    let versioned = |head: &str| head.starts_with('v') && head[1..].starts_with(|c: char| c.is_ascii_digit());
    let target = target.split_once('/').filter(|(head, _)| versioned(head)).map_or(target, |(_, rest)| rest);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parts: Vec<_> = path.split('/').collect();
    let mut state = state.lock().unwrap();
    if let ("POST", ["exec", id, "start"]) = (method.as_str(), &parts[..]) {
        let output = state.output(id);
        client.write_all(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n")?;
        client.write_all(b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n")?;
        // Standard output, then the length (Docker Engine API, "Attach to a container": stream format).
        let length = u32::try_from(output.len()).unwrap().to_be_bytes();
        return client.write_all(&[&[1, 0, 0, 0], &length[..], &output[..]].concat());
    }
    let (code, answer) = state.answer(&method, &parts, query, &body);
    let text = if answer.is_null() { String::new() } else { answer.to_string() };
    let length = text.len();
    write!(
        client,
        "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{text}"
    )
}

impl State {
    /// The image, and nothing else.
    pub fn with_image() -> Self {
        Self::of_image(true, "amd64")
    }

    /// An image of this architecture, here or yet to be pulled.
    pub fn of_image(image: bool, architecture: &'static str) -> Self {
        Self { image, architecture, ..Self::default() }
    }

    fn answer(&mut self, method: &str, parts: &[&str], query: &str, body: &Value) -> Answer {
        let missing = (404, json!({"message": "no such object"}));
        match (method, parts) {
            ("GET", ["version"]) => {
                (200, json!({"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10"}))
            }
            ("GET", ["info"]) => (200, self.info()),
            ("GET", ["containers", "json"]) => (200, json!([])),
            ("GET", ["images", .., "json"]) if self.image => {
                (200, json!({"Id": IMAGE, "Architecture": self.architecture}))
            }
            ("POST", ["images", "create"]) => {
                self.image = true;
                (200, json!({"status": "pulled"}))
            }
            ("GET", ["volumes", name]) => match self.volumes.get(*name) {
                Some(labels) => (200, volume(name, labels)),
                None => missing,
            },
            ("POST", ["volumes", "create"]) => {
                let name = body["Name"].as_str().unwrap_or_default().to_owned();
                let labels = self.volumes.entry(name.clone()).or_insert(body["Labels"].clone());
                (201, volume(&name, labels))
            }
            ("DELETE", ["volumes", name]) => {
                self.removed_volumes.push((*name).to_owned());
                self.volumes.remove(*name).map_or(missing, |_| (204, Value::Null))
            }
            ("GET", ["networks"]) => {
                (200, self.networks.iter().map(|n| json!({"Id": n.0, "Name": n.1, "Labels": n.2})).collect())
            }
            ("POST", ["networks", "create"]) => {
                let id = self.id("n");
                self.networks.push((
                    id.clone(),
                    body["Name"].as_str().unwrap_or_default().to_owned(),
                    body["Labels"].clone(),
                ));
                (201, json!({"Id": id, "Warning": ""}))
            }
            ("DELETE", ["networks", id]) => {
                self.networks.retain(|n| n.0 != *id);
                (204, Value::Null)
            }
            ("POST", ["networks", name, "connect"]) => self.connect(name, body),
            ("POST", ["networks", _, "disconnect"]) | ("GET", ["containers", _, "logs"]) => {
                (200, Value::Null)
            }
            ("GET", ["exec", _, "json"]) => (200, json!({"ExitCode": 0, "Running": false})),
            ("POST", ["containers", "create"]) => self.create(name_in(query), body),
            ("GET", ["containers", key, "json"]) => {
                self.name(key).map_or(missing, |n| (200, self.containers[&n].inspect(&n)))
            }
            (_, ["containers", key, rest @ ..]) => match self.name(key) {
                Some(name) => self.act(method, &name, rest, query, body),
                None => missing,
            },
            _ => missing,
        }
    }

    fn info(&self) -> Value {
        let mut info = json!({"NCPU": 2, "Architecture": "x86_64"});
        info.as_object_mut().unwrap().extend(self.machine.as_object().cloned().unwrap_or_default());
        info
    }

    fn act(&mut self, method: &str, name: &str, verb: &[&str], query: &str, body: &Value) -> Answer {
        match (method, verb) {
            ("POST", ["exec"]) => {
                if self.containers[name].status != "running" {
                    return (409, json!({"message": "container is not running"}));
                }
                let command = body["Cmd"].as_array().into_iter().flatten().filter_map(Value::as_str);
                self.execs.push(command.map(str::to_owned).collect());
                (201, json!({"Id": (self.execs.len() - 1).to_string()}))
            }
            ("POST", ["start"]) => self.start(name),
            ("POST", ["stop"]) => self.set(name, "exited"),
            ("POST", ["rename"]) => {
                let to = name_in(query).to_owned();
                if self.containers.contains_key(&to) {
                    return (409, json!({"message": "the name is taken"}));
                }
                let container = self.containers.remove(name).unwrap();
                self.containers.insert(to, container);
                (204, Value::Null)
            }
            ("DELETE", []) => {
                self.containers.remove(name);
                (204, Value::Null)
            }
            _ => (400, json!({"message": "unknown to this fake"})),
        }
    }

    fn create(&mut self, name: &str, body: &Value) -> Answer {
        let network = body["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
        let Some(network) = self.networks.iter().find(|n| n.1 == network).map(|n| n.0.clone()) else {
            return (404, json!({"message": "network not found"}));
        };
        if self.containers.contains_key(name) || !self.image {
            return (409, json!({"message": "the name is taken, or there is no image"}));
        }
        let id = self.id("c");
        let made = Container { id: id.clone(), body: body.clone(), status: "created", network };
        self.containers.insert(name.to_owned(), made);
        (201, json!({"Id": id, "Warnings": []}))
    }

    fn start(&mut self, name: &str) -> Answer {
        if !self.networks.iter().any(|n| n.0 == self.containers[name].network) {
            return (404, json!({"message": "network not found"}));
        }
        self.both_ran |= self.containers.iter().any(|(other, c)| other != name && c.status == "running");
        self.set(name, "running")
    }

    fn set(&mut self, name: &str, status: &'static str) -> Answer {
        let container = self.containers.get_mut(name).unwrap();
        let code = if container.status == status { 304 } else { 204 };
        container.status = status;
        (code, Value::Null)
    }

    fn connect(&mut self, network: &str, body: &Value) -> Answer {
        let id = self.networks.iter().find(|n| n.1 == network).map(|n| n.0.clone());
        let name = body["Container"].as_str().unwrap_or_default();
        match (id, self.containers.get_mut(name)) {
            (Some(id), Some(container)) => {
                container.network = id;
                (200, Value::Null)
            }
            _ => (404, json!({"message": "no such network or container"})),
        }
    }

    fn name(&self, key: &str) -> Option<String> {
        self.containers.iter().find(|(name, c)| *name == key || c.id == key).map(|(name, _)| name.clone())
    }

    fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}{}", self.made)
    }

    /// What PID 1 of a gateway without TLS says: there are no certificates to be exported.
    fn output(&self, id: &str) -> Vec<u8> {
        let command = id.parse().ok().and_then(|at: usize| self.execs.get(at)).cloned().unwrap_or_default();
        if command.iter().any(|word| word == "status") {
            return b"{\"v\":1,\"phase\":\"ready\",\"ready_after_ms\":1}\n".to_vec();
        }
        Vec::new()
    }
}

fn name_in(query: &str) -> &str {
    query.split('&').find_map(|pair| pair.strip_prefix("name=")).unwrap_or_default()
}

fn volume(name: &str, labels: &Value) -> Value {
    json!({"Name": name, "Driver": "local", "Mountpoint": "/", "Labels": labels, "Scope": "local", "Options": {}})
}

impl Container {
    fn inspect(&self, name: &str) -> Value {
        let network = self.body["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
        json!({
            "Id": self.id,
            "Name": format!("/{name}"),
            "Image": IMAGE,
            "RestartCount": 0,
            "State": {"Status": self.status, "ExitCode": 0, "OOMKilled": false},
            "Config": self.body,
            "HostConfig": self.body["HostConfig"],
            "NetworkSettings": {"Networks": {network: {"NetworkID": self.network}}},
        })
    }
}
