//! A real connection to the gateway's port on the node.

use crate::failure::{Context, Failure};
use crate::pki::Outcome;
use openshell_contract::names::cluster::NODE_PORT;
use openshell_contract::reason::Reason;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a connection may take: it stays on this machine.
const PATIENCE: Duration = Duration::from_secs(1);
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), NODE_PORT);

/// How the port is tried.
pub struct Probe {
    tls: Option<(TlsConnector, Vec<u8>)>,
}

impl Probe {
    /// With certificates: a handshake as a client, in which exactly our leaf must be presented; an answer
    /// of anybody else doesn't count. Without them: a connection.
    pub fn new(pki: Option<&Outcome>) -> Result<Self, Failure> {
        let Some(pki) = pki else { return Ok(Self { tls: None }) };
        let context = || "can't use the client certificate to probe the gateway";
        let mut roots = RootCertStore::empty();
        for ca in CertificateDer::pem_slice_iter(pki.client.ca.as_bytes()) {
            let ca = ca.failing(Reason::Pki, context)?;
            roots.add(ca).failing(Reason::Pki, context)?;
        }
        let chain = CertificateDer::pem_slice_iter(pki.client.pair.certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .failing(Reason::Pki, context)?;
        let key =
            PrivateKeyDer::from_pem_slice(pki.client.pair.key.as_bytes()).failing(Reason::Pki, context)?;
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .failing(Reason::Pki, context)?
                .with_root_certificates(roots)
                .with_client_auth_cert(chain, key)
                .failing(Reason::Pki, context)?;
        // gRPC servers end connections that don't speak HTTP/2 (ALPN "h2", RFC 9113, 3.1).
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { tls: Some((TlsConnector::from(Arc::new(config)), pki.server.der().to_vec())) })
    }

    /// Tries once.
    pub async fn answers(&self) -> Result<(), Failure> {
        let unreachable = || format!("the gateway's port {ADDRESS} does not answer");
        let late =
            |_| Failure::new(Reason::GatewayUnreachable, format!("{} within {PATIENCE:?}", unreachable()));
        let connect = tokio::time::timeout(PATIENCE, TcpStream::connect(ADDRESS));
        let stream = connect.await.map_err(late)?.failing(Reason::GatewayUnreachable, unreachable)?;
        let Some((connector, leaf)) = &self.tls else { return Ok(()) };
        let name = ServerName::try_from("localhost").failing(Reason::GatewayUnreachable, unreachable)?;
        let shake = tokio::time::timeout(PATIENCE, connector.connect(name, stream));
        let stream = shake.await.map_err(late)?.failing(Reason::GatewayUnreachable, unreachable)?;
        let presented = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        if presented.is_some_and(|certificate| certificate.as_ref() == leaf.as_slice()) {
            return Ok(());
        }
        Err(Failure::new(
            Reason::GatewayUnreachable,
            format!("the gateway's port {ADDRESS} presents another certificate than the one in its Secret"),
        ))
    }
}
