//! From flags to what the server does: every check that needs no file and no socket.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::cli::{Generation, ServeArgs};
use crate::secret::{HandshakeSecret, SecretError};
use crate::store::{DatabaseUrl, UrlError};

/// How the gRPC port speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// No TLS.
    Plaintext,
    /// TLS with the named PEM files.
    Tls(TlsFiles),
}

/// PEM files of the gRPC port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Server certificate chain.
    pub cert: PathBuf,
    /// Server private key.
    pub key: PathBuf,
    /// CA that a client's certificate must come from.
    pub client_ca: PathBuf,
    /// Whether a client may show no certificate. One that it does show is always verified.
    pub client_cert_optional: bool,
}

/// What the server does.
#[derive(Debug)]
pub struct Settings {
    /// Address of the gRPC port.
    pub grpc: SocketAddr,
    /// Address of plain HTTP health, if wanted.
    pub health: Option<SocketAddr>,
    /// Address of plain HTTP metrics, if wanted.
    pub metrics: Option<SocketAddr>,
    /// How the gRPC port speaks.
    pub transport: Transport,
    /// Where the counters are kept.
    pub database: DatabaseUrl,
    /// Secret shared with the sandboxes.
    pub secret: HandshakeSecret,
}

/// A setting is missing or unusable.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A variable without which the server can't start.
    #[error("{variable} is not set; give it {wanted}, or set OPENSHELL_DISABLE_TLS=true to serve plaintext")]
    MissingTls {
        /// The variable's name.
        variable: &'static str,
        /// What belongs there.
        wanted: &'static str,
    },
    /// No database.
    #[error("OPENSHELL_DB_URL is not set and there is no --db-url; give it sqlite:<path>")]
    MissingDatabase,
    /// A database that can't be used.
    #[error(transparent)]
    Database(#[from] UrlError),
    /// No secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl Settings {
    /// Checks `args` and fills in what the generation implies.
    pub fn from_args(args: &ServeArgs) -> Result<Self, SettingsError> {
        let ServeArgs { generation, common, later } = args;
        let secret = common.ssh_handshake_secret.clone().ok_or(SecretError::Missing)?;
        let database = common.db_url.as_deref().ok_or(SettingsError::MissingDatabase)?.parse()?;
        let address = later.bind_address.unwrap_or(match generation {
            Generation::B => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Generation::A | Generation::Any => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        });
        let optional = |port: u16| (port != 0).then(|| SocketAddr::new(address, port));
        Ok(Self {
            grpc: SocketAddr::new(address, common.port),
            health: optional(later.health_port),
            metrics: optional(later.metrics_port),
            transport: transport(args)?,
            database,
            secret,
        })
    }
}

fn transport(args: &ServeArgs) -> Result<Transport, SettingsError> {
    let common = &args.common;
    if common.disable_tls {
        return Ok(Transport::Plaintext);
    }
    let file = |value: &Option<PathBuf>, variable, wanted| {
        value.clone().ok_or(SettingsError::MissingTls { variable, wanted })
    };
    Ok(Transport::Tls(TlsFiles {
        cert: file(&common.tls_cert, "OPENSHELL_TLS_CERT", "the server certificate's PEM file")?,
        key: file(&common.tls_key, "OPENSHELL_TLS_KEY", "the server key's PEM file")?,
        client_ca: file(&common.tls_client_ca, "OPENSHELL_TLS_CLIENT_CA", "the client CA's PEM file")?,
        client_cert_optional: common.disable_gateway_auth,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{self, Request};

    fn settings(generation: Generation, line: &str) -> Result<Settings, SettingsError> {
        let words = std::iter::once("openshell-server").chain(line.split_whitespace());
        match cli::parse(generation, words.map(Into::into)).unwrap() {
            Request::Serve(args) => Settings::from_args(&args),
            Request::Tool(tool) => panic!("{tool:?}"),
        }
    }

    const SECRET: &str = "--ssh-handshake-secret s3cret";
    const BASE: &str = "--db-url sqlite:/d.db --disable-tls --ssh-handshake-secret s3cret";

    #[test]
    fn the_bind_address_follows_the_generation() {
        for (generation, address) in [
            (Generation::A, "0.0.0.0:8080"),
            (Generation::B, "127.0.0.1:8080"),
            (Generation::Any, "0.0.0.0:8080"),
        ] {
            assert_eq!(settings(generation, BASE).unwrap().grpc.to_string(), address);
        }
    }

    #[test]
    fn a_port_of_zero_means_no_health_and_no_metrics() {
        let none = settings(Generation::B, &format!("{BASE} --health-port 0")).unwrap();
        assert_eq!((none.health, none.metrics), (None, None));
        let both = format!("{BASE} --bind-address 0.0.0.0 --health-port 8081 --metrics-port 9090");
        let both = settings(Generation::B, &both).unwrap();
        assert_eq!(both.health.unwrap().to_string(), "0.0.0.0:8081");
        assert_eq!(both.metrics.unwrap().to_string(), "0.0.0.0:9090");
    }

    #[test]
    fn what_is_missing_is_named() {
        let tls = "--tls-cert c --tls-key k";
        for (line, variable) in [
            ("--db-url sqlite:/d --disable-tls".to_owned(), "OPENSHELL_SSH_HANDSHAKE_SECRET"),
            (format!("{SECRET} --disable-tls"), "OPENSHELL_DB_URL"),
            (format!("{SECRET} --db-url sqlite:/d"), "OPENSHELL_TLS_CERT"),
            (format!("{SECRET} --db-url sqlite:/d --tls-cert c"), "OPENSHELL_TLS_KEY"),
            (format!("{SECRET} --db-url sqlite:/d {tls}"), "OPENSHELL_TLS_CLIENT_CA"),
        ] {
            let text = settings(Generation::Any, &line).unwrap_err().to_string();
            assert!(text.contains(variable), "{text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn without_gateway_auth_the_client_certificate_is_optional() {
        let tls = format!("{SECRET} --db-url sqlite:/d --tls-cert c --tls-key k --tls-client-ca a");
        let optional = |line: &str| match settings(Generation::A, line).unwrap().transport {
            Transport::Tls(files) => files.client_cert_optional,
            Transport::Plaintext => panic!("plaintext"),
        };
        assert!(!optional(&tls));
        assert!(optional(&format!("{tls} --disable-gateway-auth")));
    }
}
