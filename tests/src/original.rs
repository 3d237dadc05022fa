//! The Secrets of an original gateway: their names, types and keys, certificates as its library made them
//! (valid from 1975 to 4096, no key usage), and a CA whose key was thrown away.

use crate::Gateway;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

/// Names that its certificate lists.
const NAMES: [&str; 6] = [
    "openshell",
    "openshell.openshell.svc",
    "openshell.openshell.svc.cluster.local",
    "localhost",
    "host.docker.internal",
    "127.0.0.1",
];
/// Its SSH secret.
const SSH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// The four.
pub const SECRETS: [&str; 4] =
    ["openshell-server-tls", "openshell-server-client-ca", "openshell-client-tls", "openshell-ssh-handshake"];

/// Puts the Secrets into a gateway that serves plaintext, and so has none but the SSH secret.
///
/// # Panics
/// The API refuses them.
#[track_caller]
pub fn put_secrets(gateway: &Gateway) {
    let (ca, issuer) = authority();
    let (server, server_key) = leaf(&issuer, "openshell-server", &NAMES);
    let (client, client_key) = leaf(&issuer, "openshell-client", &[]);
    let ca = ca.pem();
    let secrets = [
        secret(SECRETS[0], "kubernetes.io/tls", &json!({"tls.crt": server, "tls.key": server_key})),
        secret(SECRETS[1], "Opaque", &json!({"ca.crt": ca})),
        secret(SECRETS[2], "Opaque", &json!({"tls.crt": client, "tls.key": client_key, "ca.crt": ca})),
    ];
    for secret in secrets {
        let _ = gateway.kubectl(&["create", "-f", "-"], &secret.to_string()).ok();
    }
    let ssh = secret(SECRETS[3], "Opaque", &json!({"secret": SSH}));
    let _ = gateway.kubectl(&["replace", "-f", "-"], &ssh.to_string()).ok();
}

fn secret(name: &str, type_: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": type_, "stringData": data})
}

fn authority() -> (Certificate, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "openshell");
    params.distinguished_name.push(DnType::CommonName, "openshell-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate, Issuer::new(params, key))
}

fn leaf(issuer: &Issuer<'static, KeyPair>, name: &str, names: &[&str]) -> (String, String) {
    let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    (params.signed_by(&key, issuer).expect("a certificate").pem(), key.serialize_pem())
}
