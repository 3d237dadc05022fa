//! The commands, one module each.

mod apply;
mod certs;
mod destroy;
mod doctor;
mod list;
mod logs;
mod publish;
mod remove;
mod start;
mod status;
mod stop;
mod suit;
mod version;

use crate::cli::{Cli, Command, Topic};
use crate::docker::Engine;
use crate::docker::host::Environment;
use crate::error::Error;
use crate::files::ConfigDir;
use crate::name::GatewayName;
use crate::ui::Ui;
use crate::{exit, generated};
use std::env::var_os;
use std::io::Write;

/// What every command about a gateway needs.
struct Context {
    name: GatewayName,
    engine: Engine,
    config: ConfigDir,
    ui: Ui,
}

/// Does what the command line says and gives the exit code.
///
/// # Errors
/// The command's failure, to be shown.
pub async fn run(cli: Cli, ui: Ui) -> Result<u8, Error> {
    match cli.topic {
        Topic::Gateway(command) => gateway(&connect(cli.gateway, ui).await?, command).await,
        Topic::Doctor(command) => doctor::run(cli.gateway, ui, &command).await,
        Topic::Version { output } => version::run(output),
        Topic::Completions { shell } => {
            std::io::stdout().lock().write_all(&generated::completions(shell)).map_err(Error::Stdio)?;
            Ok(exit::OK)
        }
        Topic::Man { dir } => generated::manual(&dir).map(|()| exit::OK),
    }
}

async fn gateway(context: &Context, command: Command) -> Result<u8, Error> {
    match command {
        Command::Start(args) => start::run(context, &args).await,
        Command::Stop(args) => stop::run(context, &args).await,
        Command::Status(args) => status::run(context, &args).await,
        Command::List(args) => list::run(context, &args).await,
        Command::Destroy(args) => destroy::run(context, &args).await,
        Command::Logs(args) => logs::run(context, &args).await,
        Command::Certs(command) => certs::run(context, &command).await,
    }
}

async fn connect(name: GatewayName, ui: Ui) -> Result<Context, Error> {
    let config = ConfigDir::new(var_os("XDG_CONFIG_HOME"), var_os("HOME"))?;
    let engine = Engine::connect(&Environment::of_process()).await?;
    Ok(Context { name, engine, config, ui })
}

/// Ends when somebody presses Ctrl-C.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the signal ends the process by itself.
        std::future::pending::<()>().await;
    }
}
