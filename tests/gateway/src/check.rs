//! A gRPC health client, for tests on the host.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::cli::CheckArgs;

/// Why no health was learnt.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A PEM file can't be read.
    #[error("could not read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No connection, or the address or the key material is malformed.
    #[error("could not connect to {address}")]
    Connect {
        /// Gateway as HOST:PORT.
        address: String,
        /// Why.
        source: tonic::transport::Error,
    },
    /// The connection was made, and then refused or broken. A server that wants another client certificate
    /// refuses here, for TLS 1.3 tells the client only after its own part of the handshake; whether the alert
    /// or the end of the connection is seen first is a race, so the text says what was shown.
    #[error("{address} did not answer the health call ({shown})")]
    Call {
        /// Gateway as HOST:PORT.
        address: String,
        /// Which client certificate the server saw.
        shown: String,
        /// Why.
        source: Box<tonic::Status>,
    },
    /// Nothing came in time.
    #[error("{address} did not answer within {seconds} s")]
    Timeout {
        /// Gateway as HOST:PORT.
        address: String,
        /// Time allowed.
        seconds: u64,
    },
}

/// Asks for the health. A server that can't be asked is an error, not an answer.
pub async fn run(args: &CheckArgs) -> Result<ServingStatus, CheckError> {
    timeout(Duration::from_secs(args.timeout_secs), ask(args))
        .await
        .map_err(|_| CheckError::Timeout { address: args.addr.clone(), seconds: args.timeout_secs })?
}

async fn ask(args: &CheckArgs) -> Result<ServingStatus, CheckError> {
    let connect = |source| CheckError::Connect { address: args.addr.clone(), source };
    let scheme = if args.plaintext { "http" } else { "https" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{}", args.addr)).map_err(connect)?;
    if let Some(ca) = &args.ca {
        endpoint = endpoint.tls_config(tls(args, ca)?).map_err(connect)?;
    }
    let channel = endpoint.connect().await.map_err(connect)?;
    let request = HealthCheckRequest { service: args.service.clone() };
    let response = HealthClient::new(channel).check(request).await.map_err(|source| CheckError::Call {
        address: args.addr.clone(),
        shown: shown(args),
        source: Box::new(source),
    })?;
    Ok(response.into_inner().status())
}

fn shown(args: &CheckArgs) -> String {
    match &args.cert {
        Some(cert) => format!("client certificate {} was shown", cert.display()),
        None if args.plaintext => String::from("plaintext"),
        None => String::from("no client certificate was shown"),
    }
}

fn tls(args: &CheckArgs, ca: &Path) -> Result<ClientTlsConfig, CheckError> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(ca)?))
        .domain_name(&args.server_name);
    Ok(match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => tls.identity(Identity::from_pem(read(cert)?, read(key)?)),
        _ => tls,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, CheckError> {
    fs::read(path).map_err(|source| CheckError::Read { path: path.to_owned(), source })
}
