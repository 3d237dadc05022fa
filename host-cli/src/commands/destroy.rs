//! `openshell gateway destroy`.

use super::{Context, remove};
use crate::cli::Destroy;
use crate::error::Error;
use crate::exit;
use crate::plan;
use crate::ui::Steps;

pub(super) async fn run(context: &Context, args: &Destroy) -> Result<u8, Error> {
    let Context { name, engine, config, ui } = context;
    let observed = engine.observe(name).await?;
    let removals = plan::destroy(&observed, args.keep_data)
        .map_err(|refusal| Error::Conflict { name: name.clone(), refusal })?;
    if removals.is_empty() && config.metadata(name).is_none() {
        return Err(Error::NoGateway(name.clone()));
    }
    let command = if args.keep_data { "destroy --keep-data" } else { "destroy" };
    if !args.yes && !remove::confirmed(context, "Destroy", &removals)? {
        return Err(Error::Unconfirmed { name: name.clone(), command });
    }
    let mut steps = Steps::new(*ui);
    let mut failures = remove::all(context, &removals, &mut steps).await;
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
