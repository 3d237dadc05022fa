//! `openshell gateway certs`.

use super::{Context, publish};
use crate::cli::CertsCommand;
use crate::error::Error;
use crate::exit;
use crate::files::Certificates;
use crate::plan::State;
use crate::ui::{self, Steps};
use std::io::Write;
use std::path::Path;

pub(super) async fn run(context: &Context, command: &CertsCommand) -> Result<u8, Error> {
    let CertsCommand::Export { output } = command;
    let Context { name, engine, config, ui } = context;
    match engine.inspect(&name.object()).await?.map(|c| crate::docker::observe::run(&c).state) {
        None => return Err(Error::NoGateway(name.clone())),
        Some(State::Running) => {}
        Some(_) => return Err(Error::NotRunning(name.clone())),
    }
    let tar = publish::export(context).await?;
    let refused = |cause| Error::NoCertificates { name: name.clone(), cause };
    let certificates = Certificates::from_tar(&tar).map_err(refused)?;
    let dir = match output.as_deref() {
        Some(dash) if dash == Path::new("-") => {
            std::io::stdout().lock().write_all(&tar).map_err(Error::Stdio)?;
            return Ok(exit::OK);
        }
        Some(dir) => {
            certificates.write(dir)?;
            dir.to_owned()
        }
        None => {
            let changed = config.store_certificates(name, &certificates)?;
            let what = if changed { "stored" } else { "already there" };
            Steps::new(*ui).success(&format!("Client certificates of gateway {name} {what}"));
            config.certificates(name)
        }
    };
    ui::data(&dir.display().to_string())?;
    Ok(exit::OK)
}
