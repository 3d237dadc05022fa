//! The gRPC port: standard health service over mTLS, or plaintext.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic_health::server::HealthReporter;

use crate::settings::{TlsFiles, Transport};

/// Name of the real server's service, reported beside the empty name that stands for the whole server.
pub const SERVICE: &str = "openshell.v1.OpenShell";

/// The gRPC port can't be served.
#[derive(Debug, thiserror::Error)]
pub enum GrpcError {
    /// A PEM file can't be read.
    #[error("could not read {} named by {variable}; mount the Secret that holds it, readable by this user", path.display())]
    Read {
        /// Variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The PEM files hold no usable key material.
    #[error(
        "TLS does not accept {}, {} and {} together; they must be a PEM certificate, its key and a CA",
        files.cert.display(), files.key.display(), files.client_ca.display()
    )]
    Tls {
        /// The files.
        files: TlsFiles,
        /// Why.
        source: tonic::transport::Error,
    },
    /// The server ended by an error.
    #[error("gRPC failed while serving")]
    Serve(#[source] tonic::transport::Error),
}

/// Reads the key material once: as with the real server, new files take effect at the next start.
pub fn builder(transport: &Transport) -> Result<Server, GrpcError> {
    let Transport::Tls(files) = transport else { return Ok(Server::builder()) };
    let identity =
        Identity::from_pem(read("OPENSHELL_TLS_CERT", &files.cert)?, read("OPENSHELL_TLS_KEY", &files.key)?);
    let client_ca = Certificate::from_pem(read("OPENSHELL_TLS_CLIENT_CA", &files.client_ca)?);
    let tls = ServerTlsConfig::new()
        .identity(identity)
        .client_ca_root(client_ca)
        .client_auth_optional(files.client_cert_optional);
    Server::builder().tls_config(tls).map_err(|source| GrpcError::Tls { files: files.clone(), source })
}

/// Serves until `stop` completes and the open connections have ended. The reporter changes the answer.
pub fn serve(
    mut server: Server,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> (HealthReporter, impl Future<Output = Result<(), GrpcError>> + Send + 'static) {
    let (reporter, health) = tonic_health::server::health_reporter();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = async move {
        server
            .add_service(health)
            .serve_with_incoming_shutdown(incoming, stop)
            .await
            .map_err(GrpcError::Serve)
    };
    (reporter, serving)
}

fn read(variable: &'static str, path: &Path) -> Result<Vec<u8>, GrpcError> {
    fs::read(path).map_err(|source| GrpcError::Read { variable, path: path.to_owned(), source })
}
