//! A real TLS handshake by what the Secrets hold, of a library that had no part in making it.

use crate::kube::fake::{Fake, secret};
use k8s_openapi::ByteString;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::sync::Arc;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What a client holds, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The CA certificates.
    pub ca: String,
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Bundle {
    /// What a client gets now.
    pub fn read(fake: &Fake) -> Self {
        let text = |key| text(fake, "openshell-client-tls", key);
        Self { ca: text("ca.crt"), certificate: text("tls.crt"), key: text("tls.key") }
    }
}

/// The text under `key` of a Secret.
pub fn text(fake: &Fake, name: &str, key: &str) -> String {
    let object = fake.get(&secret(name)).unwrap_or_else(|| panic!("there is no Secret {name}"));
    let bytes: ByteString = serde_json::from_value(object["data"][key].clone()).unwrap();
    String::from_utf8(bytes.0).unwrap()
}

/// Whether a client with `bundle` and a gateway that mounts the present Secrets accept each other.
pub async fn accept_each_other(fake: &Fake, bundle: &Bundle) -> bool {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(
        roots(&text(fake, "openshell-server-client-ca", "ca.crt")).into(),
        provider.clone(),
    );
    let (chain, key) =
        pair(&text(fake, "openshell-server-tls", "tls.crt"), &text(fake, "openshell-server-tls", "tls.key"));
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let (chain, key) = pair(&bundle.certificate, &bundle.key);
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(&bundle.ca))
        .with_client_auth_cert(chain, key)
        .unwrap();

    let (near, far) = tokio::io::duplex(1 << 16);
    let name = ServerName::try_from("openshell.openshell.svc").unwrap();
    let connect = TlsConnector::from(Arc::new(client)).connect(name, near);
    let accept = TlsAcceptor::from(Arc::new(server)).accept(far);
    // Each side's end is kept until both have judged: in TLS 1.3 the server judges last.
    let (connected, accepted) = tokio::join!(connect, accept);
    connected.is_ok() && accepted.is_ok()
}

fn roots(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for ca in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(ca.unwrap()).unwrap();
    }
    roots
}

fn pair(certificate: &str, key: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<_, _>>().unwrap();
    (chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
}
