//! The commands, one module each.

mod apply;
mod destroy;
mod logs;
mod publish;
mod start;
mod status;
mod stop;

use crate::cli::{Cli, Command, Topic};
use crate::docker::Engine;
use crate::error::Error;
use crate::files::ConfigDir;
use crate::name::GatewayName;
use std::env::{var, var_os};
use std::path::PathBuf;

/// What every command needs.
struct Context {
    name: GatewayName,
    engine: Engine,
    config: ConfigDir,
}

/// Does what the command line says and gives the exit code.
///
/// # Errors
/// The command's failure, to be shown.
pub async fn run(cli: Cli) -> Result<u8, Error> {
    let config = ConfigDir::new(var_os("XDG_CONFIG_HOME"), var_os("HOME"))?;
    let home = var_os("HOME").map(PathBuf::from);
    let engine = Engine::connect(var("DOCKER_HOST").ok(), home.as_deref()).await?;
    let context = Context { name: cli.gateway, engine, config };
    let Topic::Gateway(command) = cli.topic;
    match command {
        Command::Start(args) => start::run(&context, &args).await,
        Command::Stop(args) => stop::run(&context, &args).await,
        Command::Status(args) => status::run(&context, &args).await,
        Command::Destroy(args) => destroy::run(&context, &args).await,
        Command::Logs(args) => logs::run(&context, &args).await,
    }
}

/// Ends when somebody presses Ctrl-C.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the signal ends the process by itself.
        std::future::pending::<()>().await;
    }
}
