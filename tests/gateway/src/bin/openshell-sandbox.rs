//! Sandbox counterpart of the reference gateway: a test fixture that also stands in for the supervisor binary.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use openshell_test_gateway::logs;
use openshell_test_gateway::nssh1::MAX_SKEW_SECS;
use openshell_test_gateway::sandbox::{self, Verifier};
use openshell_test_gateway::secret::{HandshakeSecret, SecretError};
use openshell_test_gateway::serve::StopSignals;
use tokio::net::TcpListener;
use tracing::info;

/// Listens for the gateway's handshake and says whether it proves the secret of this environment.
#[derive(Debug, Parser)]
#[command(name = "openshell-sandbox", version, about)]
struct Args {
    /// Address to listen on
    #[arg(long, env = "OPENSHELL_SSH_LISTEN_ADDR", default_value = "0.0.0.0:2222")]
    ssh_listen_addr: SocketAddr,
    /// Secret shared with the gateway
    #[arg(long, env = "OPENSHELL_SSH_HANDSHAKE_SECRET", hide_env_values = true)]
    ssh_handshake_secret: Option<HandshakeSecret>,
    /// Seconds that the gateway's clock may differ
    #[arg(long, env = "OPENSHELL_SSH_HANDSHAKE_SKEW_SECS", default_value_t = MAX_SKEW_SECS)]
    ssh_handshake_skew_secs: u64,
    /// Log filter: a level, or directives as in `info,h2=warn`
    #[arg(long, env = "OPENSHELL_LOG_LEVEL", default_value = "info")]
    log_level: String,
}

#[derive(Debug, thiserror::Error)]
#[error("could not listen on {address}; choose a free port, or stop what uses it")]
struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Nothing is left to tell if the terminal is gone.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "openshell-sandbox: {}", logs::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before anything else: process 1 of a container doesn't get a signal that it doesn't handle.
        let mut signals = StopSignals::install()?;
        logs::start(&args.log_level)?;
        let secret = args.ssh_handshake_secret.ok_or(SecretError::Missing)?;
        let failed = |source| ListenError { address: args.ssh_listen_addr, source };
        let listener = TcpListener::bind(args.ssh_listen_addr).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        info!(%address, what = "handshake", "listening");
        let verifier = Arc::new(Verifier::new(secret, args.ssh_handshake_skew_secs));
        tokio::select! {
            () = sandbox::serve(listener, verifier) => {}
            signal = signals.wait() => info!(signal, "stopping"),
        }
        Ok(())
    })
}
