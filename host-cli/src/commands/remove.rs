//! Removes what a plan says, after a yes.

use super::Context;
use crate::error::Error;
use crate::plan::{self, Removal};
use crate::ui::{self, Steps};
use std::io::{self, BufRead, IsTerminal, Write};

/// Removes everything in turn; gives a line for each failure.
pub(super) async fn all(context: &Context, removals: &[Removal], steps: &mut Steps) -> Vec<String> {
    let Context { name, engine, .. } = context;
    let mut failures = Vec::new();
    for removal in removals {
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
    failures
}

/// A removal, as people read it.
pub(super) fn title(context: &Context, removal: &Removal) -> String {
    match removal {
        Removal::Container(id) => format!("remove container {}", plan::short(id)),
        Removal::Network(_) => format!("remove network {}", context.name.object()),
        Removal::Volume => format!("remove volume {} with all data", context.name.object()),
    }
}

/// Asks on a terminal; elsewhere nobody can have said yes.
pub(super) fn confirmed(context: &Context, verb: &str, removals: &[Removal]) -> Result<bool, Error> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    for removal in removals {
        ui::say(&format!("  {}", title(context, removal)));
    }
    let mut err = io::stderr().lock();
    write!(err, "{verb} gateway {}? [y/N] ", context.name)
        .and_then(|()| err.flush())
        .map_err(Error::Stdio)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(Error::Stdio)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
