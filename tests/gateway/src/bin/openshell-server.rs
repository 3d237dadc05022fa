//! Reference gateway: a test fixture with the real server's command line.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use openshell_test_gateway::cli::{self, CounterArgs, HandshakeArgs, Request, ServeArgs, Tool};
use openshell_test_gateway::secret::SecretError;
use openshell_test_gateway::serve::{self, ServeError, StopSignals};
use openshell_test_gateway::settings::Settings;
use openshell_test_gateway::store::{Counter, IfMissing, Store};
use openshell_test_gateway::{check, dial, logs};
use tracing::debug;

type Outcome = Result<ExitCode, Box<dyn Error>>;

fn main() -> ExitCode {
    let generation = cli::generation(std::env::var_os(cli::GENERATION_VARIABLE));
    let outcome = match generation.and_then(|generation| cli::parse(generation, std::env::args_os())) {
        Ok(Request::Serve(args)) => serve(&args),
        Ok(Request::Tool(tool)) => run(tool),
        Err(error) => {
            // Nothing is left to tell if the terminal is gone.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    outcome.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr().lock(), "openshell-server: {}", logs::chain(error.as_ref()));
        ExitCode::FAILURE
    })
}

fn serve(args: &ServeArgs) -> Outcome {
    // One thread is plenty, and keeps memory small.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before anything else: process 1 of a container doesn't get a signal that it doesn't handle.
        let signals = StopSignals::install().map_err(ServeError::Signals)?;
        logs::start(&args.common.log_level)?;
        let settings = Settings::from_args(args)?;
        debug!(?args, "command line and environment");
        serve::run(settings, signals).await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn run(tool: Tool) -> Outcome {
    match tool {
        Tool::Counter(args) => counter(&args),
        Tool::Handshake(args) => handshake(&args),
        Tool::Check(args) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let status = runtime.block_on(check::run(&args))?;
            say(status.as_str_name())?;
            let serving = status == tonic_health::pb::health_check_response::ServingStatus::Serving;
            Ok(if serving { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn counter(args: &CounterArgs) -> Outcome {
    let store = Store::open(&args.db_url.parse()?, IfMissing::Fail)?;
    if args.increment {
        store.bump(Counter::Generic)?;
    }
    let counters = store.counters()?;
    store.close()?;
    say(&serde_json::to_string(&counters)?)?;
    Ok(ExitCode::SUCCESS)
}

fn handshake(args: &HandshakeArgs) -> Outcome {
    let secret = args.ssh_handshake_secret.as_ref().ok_or(SecretError::Missing)?;
    dial::handshake(&args.address, &args.token, secret, Duration::from_secs(args.timeout_secs))?;
    say("OK")?;
    Ok(ExitCode::SUCCESS)
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}
