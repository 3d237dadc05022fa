//! `openshell gateway stop`.

use super::Context;
use crate::cli::Stop;
use crate::error::Error;
use crate::exit;
use crate::plan::Refusal;
use crate::ui::Steps;

pub(super) async fn run(context: &Context, args: &Stop) -> Result<u8, Error> {
    let Context { name, engine, ui, .. } = context;
    let observed = engine.observe(name).await?;
    let Some(container) = observed.container else {
        return Err(Error::NoGateway(name.clone()));
    };
    if !container.ours {
        let refusal = Refusal::ForeignContainer(container.id);
        return Err(Error::Conflict { name: name.clone(), refusal });
    }
    let mut steps = Steps::new(*ui);
    steps.begin("stop the container");
    engine.stop(&container.id, args.timeout).await?;
    steps.abandon();
    steps.success(&format!("Gateway {name} stopped ({})", crate::ui::seconds(ui.elapsed())));
    Ok(exit::OK)
}
