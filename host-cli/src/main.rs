//! The command `openshell`.

use clap::Parser;
use openshell_host::cli::Cli;
use openshell_host::{commands, exit, ui::Ui};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ui = Ui::stderr(cli.log_format, cli.quiet);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            openshell_host::ui::say(&format!("error: can't start the event loop: {e} [INTERNAL]"));
            return ExitCode::from(exit::INTERNAL);
        }
    };
    let code = runtime.block_on(commands::run(cli, ui)).unwrap_or_else(|error| {
        ui.error(&error);
        error.exit_code()
    });
    // A blocking DNS look-up or file read must not hold the process up.
    runtime.shutdown_background();
    ExitCode::from(code)
}
