//! Flags and environment of `openshell-server`, those of the two generations of the real server.
//!
//! The variable for the port is `OPENSHELL_SERVER_PORT`: Kubernetes itself sets `OPENSHELL_PORT` in every pod
//! beside a Service named `openshell`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::secret::HandshakeSecret;

/// Chooses the [`Generation`]. Only this fixture knows the variable.
pub const GENERATION_VARIABLE: &str = "OPENSHELL_TEST_GENERATION";

/// Which real server's command line is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Generation {
    /// Release 0.0.22: a flag that came later is a usage error, a variable that came later isn't read.
    A,
    /// The later server: health and metrics ports, and a loopback address unless told otherwise.
    B,
    /// Accepts the flags of B and listens on all addresses as A does.
    #[default]
    Any,
}

/// What is asked of the process.
#[derive(Debug)]
pub enum Request {
    /// Be the gateway.
    Serve(Box<ServeArgs>),
    /// Run a tool and exit.
    Tool(Tool),
}

/// Everything that the server reads from flags and environment.
#[derive(Debug)]
pub struct ServeArgs {
    /// Which server is imitated.
    pub generation: Generation,
    /// Flags of both generations.
    pub common: CommonArgs,
    /// Flags of the later generation.
    pub later: LaterArgs,
}

/// Flags that both generations have.
#[derive(Args, Debug)]
pub struct CommonArgs {
    /// TCP port of gRPC; 0 takes a free one
    #[arg(long, env = "OPENSHELL_SERVER_PORT", default_value_t = 8080)]
    pub port: u16,
    /// Log filter: a level, or directives as in `info,h2=warn`
    #[arg(long, env = "OPENSHELL_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// Database as `sqlite:<path>`
    #[arg(long, env = "OPENSHELL_DB_URL")]
    pub db_url: Option<String>,
    /// Server certificate chain (PEM file)
    #[arg(long, env = "OPENSHELL_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
    /// Server private key (PEM file)
    #[arg(long, env = "OPENSHELL_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// CA of the client certificates (PEM file)
    #[arg(long, env = "OPENSHELL_TLS_CLIENT_CA")]
    pub tls_client_ca: Option<PathBuf>,
    /// Serve plaintext
    #[arg(long, env = "OPENSHELL_DISABLE_TLS")]
    pub disable_tls: bool,
    /// Accept clients without a certificate
    #[arg(long, env = "OPENSHELL_DISABLE_GATEWAY_AUTH")]
    pub disable_gateway_auth: bool,
    /// Secret shared with the sandboxes
    #[arg(long, env = "OPENSHELL_SSH_HANDSHAKE_SECRET", hide_env_values = true)]
    pub ssh_handshake_secret: Option<HandshakeSecret>,
    /// What the real server gives to sandboxes
    #[command(flatten)]
    pub sandboxes: SandboxArgs,
}

/// Flags that only concern sandboxes, which this fixture doesn't create: accepted and logged at `debug`.
#[derive(Args, Debug)]
#[expect(missing_docs, reason = "each field is a flag of the real server without effect here")]
pub struct SandboxArgs {
    #[arg(long, env = "OPENSHELL_SANDBOX_NAMESPACE", default_value = "default")]
    pub sandbox_namespace: String,
    #[arg(long, env = "OPENSHELL_SANDBOX_IMAGE")]
    pub sandbox_image: Option<String>,
    #[arg(long, env = "OPENSHELL_SANDBOX_IMAGE_PULL_POLICY")]
    pub sandbox_image_pull_policy: Option<String>,
    #[arg(long, env = "OPENSHELL_GRPC_ENDPOINT")]
    pub grpc_endpoint: Option<String>,
    #[arg(long, env = "OPENSHELL_SSH_GATEWAY_HOST")]
    pub ssh_gateway_host: Option<String>,
    #[arg(long, env = "OPENSHELL_SSH_GATEWAY_PORT")]
    pub ssh_gateway_port: Option<u16>,
    #[arg(long, env = "OPENSHELL_HOST_GATEWAY_IP")]
    pub host_gateway_ip: Option<String>,
    #[arg(long, env = "OPENSHELL_CLIENT_TLS_SECRET_NAME")]
    pub client_tls_secret_name: Option<String>,
}

/// Flags that only the later generation has.
#[derive(Args, Debug, Default)]
pub struct LaterArgs {
    /// Address of all listeners
    #[arg(long, env = "OPENSHELL_BIND_ADDRESS")]
    pub bind_address: Option<IpAddr>,
    /// TCP port of plain HTTP `/healthz` and `/readyz`; 0 for none
    #[arg(long, env = "OPENSHELL_HEALTH_PORT", default_value_t = 0)]
    pub health_port: u16,
    /// TCP port of plain HTTP `/metrics`; 0 for none
    #[arg(long, env = "OPENSHELL_METRICS_PORT", default_value_t = 0)]
    pub metrics_port: u16,
    /// Sign-in and supervisor settings
    #[command(flatten)]
    pub unused: LaterUnusedArgs,
}

/// Flags of the later generation without effect here: accepted and logged at `debug`.
#[derive(Args, Debug, Default)]
#[expect(missing_docs, reason = "each field is a flag of the real server without effect here")]
pub struct LaterUnusedArgs {
    #[arg(long, env = "OPENSHELL_SUPERVISOR_IMAGE")]
    pub supervisor_image: Option<String>,
    #[arg(long, env = "OPENSHELL_SUPERVISOR_IMAGE_PULL_POLICY")]
    pub supervisor_image_pull_policy: Option<String>,
    #[arg(long, env = "OPENSHELL_OIDC_ISSUER")]
    pub oidc_issuer: Option<String>,
    #[arg(long, env = "OPENSHELL_OIDC_AUDIENCE")]
    pub oidc_audience: Option<String>,
    #[arg(long, env = "OPENSHELL_OIDC_JWKS_TTL")]
    pub oidc_jwks_ttl: Option<u64>,
    #[arg(long, env = "OPENSHELL_OIDC_ROLES_CLAIM")]
    pub oidc_roles_claim: Option<String>,
    #[arg(long, env = "OPENSHELL_OIDC_ADMIN_ROLE")]
    pub oidc_admin_role: Option<String>,
    #[arg(long, env = "OPENSHELL_OIDC_USER_ROLE")]
    pub oidc_user_role: Option<String>,
    #[arg(long, env = "OPENSHELL_OIDC_SCOPES_CLAIM")]
    pub oidc_scopes_claim: Option<String>,
}

/// What tests run beside the server, mostly through `kubectl exec`.
#[derive(Debug, Subcommand)]
pub enum Tool {
    /// Print the database's counters as JSON
    Counter(CounterArgs),
    /// Open a sandbox's connection with this environment's secret
    Handshake(HandshakeArgs),
    /// Ask a gateway for its gRPC health
    Check(CheckArgs),
}

/// Arguments of [`Tool::Counter`].
#[derive(Args, Debug)]
pub struct CounterArgs {
    /// Add one to `counter` first
    #[arg(long)]
    pub increment: bool,
    /// Database as `sqlite:<path>`
    #[arg(long, env = "OPENSHELL_DB_URL", default_value = "sqlite:/var/openshell/openshell.db")]
    pub db_url: String,
}

/// Arguments of [`Tool::Handshake`].
#[derive(Args, Debug)]
pub struct HandshakeArgs {
    /// Sandbox as HOST:PORT
    pub address: String,
    /// Identifier sent in the line
    #[arg(long, default_value = "openshell-test-gateway")]
    pub token: String,
    /// Seconds allowed for each of connecting, writing and reading
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout_secs: u64,
    /// Secret shared with the sandbox
    #[arg(long, env = "OPENSHELL_SSH_HANDSHAKE_SECRET", hide_env_values = true)]
    pub ssh_handshake_secret: Option<HandshakeSecret>,
}

/// Arguments of [`Tool::Check`].
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Gateway as HOST:PORT
    #[arg(long)]
    pub addr: String,
    /// CA that the server's certificate must come from (PEM file)
    #[arg(long, required_unless_present = "plaintext")]
    pub ca: Option<PathBuf>,
    /// Client certificate (PEM file); without one the client shows none
    #[arg(long, requires = "key")]
    pub cert: Option<PathBuf>,
    /// Client private key (PEM file)
    #[arg(long, requires = "cert")]
    pub key: Option<PathBuf>,
    /// Name that the server's certificate must hold
    #[arg(long, default_value = "localhost")]
    pub server_name: String,
    /// gRPC service to ask about; empty for the whole server
    #[arg(long, default_value = "")]
    pub service: String,
    /// Speak without TLS
    #[arg(long, conflicts_with_all = ["ca", "cert", "key"])]
    pub plaintext: bool,
    /// Seconds allowed for the whole check
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout_secs: u64,
}

#[derive(Parser, Debug)]
#[command(name = "openshell-server", version, about = "Reference gateway (test fixture)")]
#[command(args_conflicts_with_subcommands = true)]
struct CommandLineA {
    #[command(subcommand)]
    tool: Option<Tool>,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Parser, Debug)]
#[command(name = "openshell-server", version, about = "Reference gateway (test fixture)")]
#[command(args_conflicts_with_subcommands = true)]
struct CommandLineB {
    #[command(subcommand)]
    tool: Option<Tool>,
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    later: LaterArgs,
}

/// Reads [`GENERATION_VARIABLE`]'s value.
pub fn generation(value: Option<OsString>) -> Result<Generation, clap::Error> {
    let Some(value) = value else { return Ok(Generation::default()) };
    let value = value.to_string_lossy();
    Generation::from_str(&value, true).map_err(|_| {
        let text = format!("{GENERATION_VARIABLE} is {value:?}; use a, b or any\n");
        CommandLineB::command().error(clap::error::ErrorKind::InvalidValue, text)
    })
}

/// Parses the command line of `generation`; flags that aren't given come from the process's environment.
pub fn parse(
    generation: Generation,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Request, clap::Error> {
    let (tool, common, later) = if generation == Generation::A {
        let matches = CommandLineA::command().try_get_matches_from(arguments)?;
        let line = CommandLineA::from_arg_matches(&matches)?;
        (line.tool, line.common, LaterArgs::default())
    } else {
        let line = CommandLineB::try_parse_from(arguments)?;
        (line.tool, line.common, line.later)
    };
    Ok(match tool {
        Some(tool) => Request::Tool(tool),
        None => Request::Serve(Box::new(ServeArgs { generation, common, later })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_parse(generation: Generation, line: &str) -> Result<Request, clap::Error> {
        parse(generation, line.split(' ').map(OsString::from))
    }

    #[test]
    fn definitions_are_consistent() {
        CommandLineA::command().debug_assert();
        CommandLineB::command().debug_assert();
    }

    #[test]
    fn the_first_generation_refuses_each_later_flag() {
        for flag in ["--bind-address 0.0.0.0", "--health-port 8081", "--metrics-port 9090", "--oidc-issuer x"]
        {
            let line = format!("openshell-server --port 8080 {flag}");
            let error = try_parse(Generation::A, &line).unwrap_err();
            assert_eq!(error.kind(), clap::error::ErrorKind::UnknownArgument, "{flag}");
            assert!(try_parse(Generation::B, &line).is_ok(), "{flag}");
            assert!(try_parse(Generation::Any, &line).is_ok(), "{flag}");
        }
    }

    #[test]
    fn a_check_without_tls_names_no_ca() {
        assert!(try_parse(Generation::Any, "s check --addr h:1 --plaintext").is_ok());
        assert!(try_parse(Generation::Any, "s check --addr h:1").is_err());
        assert!(try_parse(Generation::Any, "s check --addr h:1 --ca f --cert f").is_err());
    }

    #[test]
    fn an_unknown_generation_is_named() {
        assert_eq!(generation(None).unwrap(), Generation::Any);
        assert_eq!(generation(Some("A".into())).unwrap(), Generation::A);
        let text = generation(Some("c".into())).unwrap_err().to_string();
        assert!(text.contains(GENERATION_VARIABLE), "{text}");
    }
}
