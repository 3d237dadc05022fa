//! `openshell gateway destroy`.

use super::Context;
use crate::cli::Destroy;
use crate::error::Error;
use crate::exit;
use crate::plan::{self, Removal};
use crate::ui::{self, Steps};
use std::io::{self, BufRead, IsTerminal, Write};

pub(super) async fn run(context: &Context, args: &Destroy) -> Result<u8, Error> {
    let Context { name, engine, config, ui } = context;
    let observed = engine.observe(name).await?;
    let removals = plan::destroy(&observed, args.keep_data)
        .map_err(|refusal| Error::Conflict { name: name.clone(), refusal })?;
    if removals.is_empty() && config.metadata(name).is_none() {
        return Err(Error::NoGateway(name.clone()));
    }
    if !args.yes && !confirmed(context, &removals)? {
        return Err(Error::Unconfirmed(name.clone()));
    }
    let mut steps = Steps::new(*ui);
    let mut failures = Vec::new();
    for removal in &removals {
        let title = title(context, removal);
        steps.begin(&title);
        let removed = match removal {
            Removal::Container(id) => {
                // A stop lets the node end cleanly, which matters when its data is kept.
                let stopped = engine.stop(id, None).await;
                engine.remove_container(id).await.and(stopped)
            }
            Removal::Network(id) => engine.remove_network(id).await,
            Removal::Volume => engine.remove_volume(&name.object()).await,
        };
        match removed {
            Ok(()) => steps.end(&title),
            Err(e) => {
                steps.abandon();
                failures.push(format!("{e}: {}", e.causes().join("; ")));
            }
        }
    }
    if failures.is_empty() {
        failures.extend(config.forget(name).iter().map(|e| format!("{e}: {}", e.causes().join("; "))));
    }
    if !failures.is_empty() {
        return Err(Error::Remains { name: name.clone(), failures });
    }
    let kept = if args.keep_data { "; its volume is kept" } else { "" };
    steps.success(&format!("Gateway {name} destroyed{kept}"));
    Ok(exit::OK)
}

fn title(context: &Context, removal: &Removal) -> String {
    match removal {
        Removal::Container(id) => format!("remove container {}", plan::short(id)),
        Removal::Network(_) => format!("remove network {}", context.name.object()),
        Removal::Volume => format!("remove volume {} with all data", context.name.object()),
    }
}

/// Asks on a terminal; elsewhere nobody can have said yes.
fn confirmed(context: &Context, removals: &[Removal]) -> Result<bool, Error> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    for removal in removals {
        ui::say(&format!("  {}", title(context, removal)));
    }
    let mut err = io::stderr().lock();
    write!(err, "Destroy gateway {}? [y/N] ", context.name)
        .and_then(|()| err.flush())
        .map_err(Error::Stdio)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(Error::Stdio)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
