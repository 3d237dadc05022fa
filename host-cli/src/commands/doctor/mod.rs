//! `openshell doctor`.

mod bundle;
mod check;
mod machine;
mod redact;

use super::{Context, connect};
use crate::cli::{self, Doctor, Output};
use crate::docker::observe;
use crate::error::Error;
use crate::name::GatewayName;
use crate::plan::{self, Observed, Wanted};
use crate::settings::{Remembered, Settings};
use crate::ui::{self, Ui};
use crate::{exit, files};
use check::{Check, Level};

pub(super) async fn run(name: GatewayName, ui: Ui, command: &Doctor) -> Result<u8, Error> {
    let connected = connect(name, ui).await;
    match command {
        Doctor::Check(args) => {
            let checks = match &connected {
                Ok(context) => checks(context, args.port).await?,
                Err(error) => vec![check::of_error(error)],
            };
            show(args, &checks)
        }
        Doctor::Bundle { file } => {
            let context = connected?;
            bundle::write(&context, file, &check::text(&checks(&context, None).await?)).await
        }
    }
}

fn show(args: &cli::Check, checks: &[Check]) -> Result<u8, Error> {
    match args.output {
        // Plain data: it can always be written as JSON.
        Output::Json => ui::data(&serde_json::to_string(checks).unwrap_or_default())?,
        Output::Text => ui::data(&check::text(checks))?,
    }
    let failed = checks.iter().any(|c| c.level == Level::Failed);
    Ok(if failed { exit::FAILED } else { exit::OK })
}

async fn checks(context: &Context, port: Option<u16>) -> Result<Vec<Check>, Error> {
    let Context { name, engine, config, .. } = context;
    let (version, info) = engine.describe().await?;
    let mut checks = check::of_docker(&version, &info);
    checks.push(check::gpus(&engine.machine_of(&info)));
    if engine.host().is_local() {
        checks.extend(machine::checks(info.docker_root_dir.as_deref()));
    }
    let mut observed = engine.observe(name).await?;
    let existing = engine.inspect(&name.object()).await?.as_ref().and_then(observe::settings);
    let flags = cli::Start { port, ..cli::Start::default() };
    let remembered = config.metadata(name).as_ref().map(files::Metadata::remembered).unwrap_or_default();
    let settings =
        Settings::resolve(&flags, existing, if port.is_some() { Remembered::default() } else { remembered });
    observed.image = engine.image(&settings.image).await?.and_then(|image| image.id);
    observed.port = engine.port(name, settings.bind, settings.port).await?;
    checks.push(of_names(name, &settings, &observed));
    Ok(checks)
}

/// Whether a start would be refused for what has the gateway's names or port.
fn of_names(name: &GatewayName, settings: &Settings, observed: &Observed) -> Check {
    let wanted = Wanted {
        image: settings.image.clone(),
        settings: settings.digest(),
        port: settings.port,
        wait: true,
    };
    // The port counts whether or not this very start would have to bind it.
    let unbound = Observed { container: None, previous: None, failed: None, ..observed.clone() };
    match plan::start(observed, &wanted).and_then(|_| plan::start(&unbound, &wanted)) {
        Ok(_) => Check::ok("Names and port", format!("{} and port {}", name.object(), settings.port)),
        Err(refusal) => check::of_error(&Error::Conflict { name: name.clone(), refusal }),
    }
}
