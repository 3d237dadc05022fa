//! Where a run begins, and what it does.

use super::handshake::text;
use crate::failure::Failure;
use crate::kube::fake::{Fake, secret, secret_object};
use crate::pki::Request;
use crate::secrets::Secrets;
use openshell_contract::settings::{Layer, Settings, Source};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;

/// The five Secrets.
pub const NAMES: [&str; 5] = [
    "openshell-ca",
    "openshell-server-client-ca",
    "openshell-client-tls",
    "openshell-server-tls",
    "openshell-ssh-handshake",
];
/// The SSH secret of an original gateway.
pub const ORIGINAL_SSH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A process that starts.
pub fn process(fake: &Fake) -> Secrets {
    let environment = Layer::new();
    let settings = Settings::from_layers(&[(Source::Environment, &environment)]).unwrap();
    Secrets::new(fake.client(), "openshell", &settings)
}

/// One pass. In parallel, as process 1 does it.
pub async fn pass(secrets: &Secrets) -> Result<(), Failure> {
    secrets.namespace().await?;
    tokio::try_join!(secrets.ssh(), secrets.pki(None)).map(drop)
}

/// What happens in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A process starts.
    Start,
    /// A process that made everything finds this Secret deleted.
    Deleted(&'static str),
    /// A process that made everything finds the SSH secret damaged.
    Damaged,
    /// A process that runs is asked for new certificates.
    Rotate(Request),
    /// A process that runs is asked for a new SSH secret.
    RotateSsh,
}

/// What is there before anything happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing.
    Nothing,
    /// The Secrets of an original gateway.
    Original,
    /// Those of a later release's chart hooks.
    Hooks,
    /// Secrets of types that don't fit.
    WrongTypes,
    /// A sandbox with a copy of the SSH secret.
    Sandbox,
}

impl Given {
    /// Puts it there.
    pub fn put(self, fake: &Fake) {
        match self {
            Self::Nothing => {}
            Self::Original => original(fake),
            Self::Hooks => hooks(fake),
            Self::WrongTypes => wrong_types(fake),
            Self::Sandbox => sandbox(fake),
        }
    }
}

/// A run: what is there, and what happens.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// What is there.
    pub given: Given,
    /// Whether a process starts and ends well before it happens.
    pub settled: bool,
    /// Whether the CA was changed before it happens.
    pub overlapping: bool,
    /// What happens.
    pub act: Act,
}

/// Every run.
pub fn all() -> Vec<Scene> {
    let fresh = |act| Scene { given: Given::Nothing, settled: act != Act::Start, overlapping: false, act };
    let start = |given| Scene { given, ..fresh(Act::Start) };
    let mut scenes: Vec<_> = NAMES.map(|name| fresh(Act::Deleted(name))).into();
    scenes.extend([
        fresh(Act::Start),
        Scene { settled: true, ..fresh(Act::Start) },
        fresh(Act::Damaged),
        fresh(Act::Rotate(Request::Leaves)),
        fresh(Act::Rotate(Request::Ca)),
        fresh(Act::RotateSsh),
        Scene { overlapping: true, ..fresh(Act::Rotate(Request::Leaves)) },
        start(Given::Original),
        start(Given::Hooks),
        start(Given::WrongTypes),
        start(Given::Sandbox),
        Scene { given: Given::Original, settled: true, ..fresh(Act::Rotate(Request::Ca)) },
    ]);
    scenes
}

/// The Secrets of an original gateway: types and keys of its first release, and no CA key.
fn original(fake: &Fake) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::OrganizationName, "openshell");
    ca.distinguished_name.push(DnType::CommonName, "openshell-ca");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);
    let leaf = |name: &str, names: &[&str]| {
        let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut leaf = CertificateParams::new(names).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        (leaf.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    };
    let server = leaf(
        "openshell-server",
        &[
            "openshell",
            "openshell.openshell.svc",
            "openshell.openshell.svc.cluster.local",
            "localhost",
            "host.docker.internal",
            "127.0.0.1",
        ],
    );
    let client = leaf("openshell-client", &[]);
    let put =
        |name: &str, type_, data: &[(&str, &str)]| fake.put(&secret(name), secret_object(name, type_, data));
    put(NAMES[1], "Opaque", &[("ca.crt", &ca_pem)]);
    put(NAMES[2], "Opaque", &[("tls.crt", &client.0), ("tls.key", &client.1), ("ca.crt", &ca_pem)]);
    put(NAMES[3], "kubernetes.io/tls", &[("tls.crt", &server.0), ("tls.key", &server.1)]);
    put(NAMES[4], "Opaque", &[("secret", ORIGINAL_SSH)]);
}

/// What a later release's chart hooks leave: the clients' Secret of another type, no bundle of its own.
fn hooks(fake: &Fake) {
    original(fake);
    let data: Vec<_> = ["tls.crt", "tls.key", "ca.crt"].map(|key| (key, text(fake, NAMES[2], key))).into();
    let data: Vec<_> = data.iter().map(|(k, v)| (*k, v.as_str())).collect();
    fake.remove(&secret(NAMES[2]));
    fake.put(&secret(NAMES[2]), secret_object(NAMES[2], "kubernetes.io/tls", &data));
    fake.remove(&secret(NAMES[1]));
}

/// Types that can't hold what belongs into them, and one that can't be changed.
fn wrong_types(fake: &Fake) {
    let odd = [("username", "u"), ("password", "p")];
    fake.put(&secret(NAMES[1]), secret_object(NAMES[1], "kubernetes.io/basic-auth", &odd));
    let mut frozen = secret_object(NAMES[3], "kubernetes.io/tls", &[("tls.crt", "x"), ("tls.key", "x")]);
    frozen["immutable"] = json!(true);
    fake.put(&secret(NAMES[3]), frozen);
}

/// A sandbox holds the SSH secret, and the Secret itself is gone.
fn sandbox(fake: &Fake) {
    let env = json!([{"name": "OPENSHELL_SSH_HANDSHAKE_SECRET", "value": ORIGINAL_SSH}]);
    let sandbox = json!({
        "apiVersion": "agents.x-k8s.io/v1alpha1", "kind": "Sandbox",
        "metadata": {"name": "s", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"podTemplate": {"spec": {"containers": [{"name": "agent", "env": env}]}}},
    });
    fake.put("/apis/agents.x-k8s.io/v1alpha1/namespaces/openshell/sandboxes/s", sandbox);
}
