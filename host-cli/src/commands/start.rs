//! `openshell gateway start`.

use super::{Context, apply, publish, remove, suit};
use crate::cli::Start;
use crate::docker::observe;
use crate::error::Error;
use crate::exit;
use crate::plan::{self, Action, Wanted};
use crate::settings::{Remembered, Settings};
use crate::ui::{self, Steps};
use std::time::Duration;

pub(super) async fn run(context: &Context, args: &Start) -> Result<u8, Error> {
    let Context { name, engine, config, ui } = context;
    let mut steps = Steps::new(*ui);
    let mut observed = engine.observe(name).await?;

    // After a cut replacement the container that was put aside is the one to go on with.
    let object = if observed.container.is_some() { name.object() } else { name.previous() };
    let existing = engine.inspect(&object).await?;
    let remembered = match observed.volume {
        plan::Owner::Absent => Remembered::default(),
        _ => config.metadata(name).map(|m| m.remembered()).unwrap_or_default(),
    };
    let settings = Settings::resolve(args, existing.as_ref().and_then(observe::settings), remembered);
    let image = engine.image(&settings.image).await?;
    observed.image = image.as_ref().and_then(|image| image.id.clone());
    observed.port = engine.port(name, settings.bind, settings.port).await?;

    let wanted = Wanted {
        image: settings.image.clone(),
        settings: settings.digest(),
        port: settings.port,
        wait: !args.no_wait,
    };
    let planned = if args.recreate {
        plan::recreate(&observed, &wanted)
    } else {
        plan::start(&observed, &wanted).map(|actions| (Vec::new(), actions))
    };
    let (removals, mut actions) =
        planned.map_err(|refusal| Error::Conflict { name: name.clone(), refusal })?;
    let suited = suit::suit(context, &settings, image.as_ref(), &actions).await?;
    if args.dry_run {
        for removal in &removals {
            ui::data(&remove::title(context, removal))?;
        }
        for action in &actions {
            ui::data(&action.to_string())?;
        }
        return Ok(exit::OK);
    }
    let is_new = observed.container.is_none() && observed.previous.is_none();
    if is_new && !args.recreate && observed.volume != plan::Owner::Absent {
        steps.note(&format!("Resuming gateway {name} from its volume"));
    }
    let job = apply::Job {
        context,
        settings: &settings,
        suited: &suited,
        timeout: Duration::from_secs(args.timeout),
        aside: observed.previous.is_some() && !args.recreate,
    };
    if !removals.is_empty() {
        if !args.yes && !remove::confirmed(context, "Recreate", &removals)? {
            return Err(Error::Unconfirmed { name: name.clone(), command: "start --recreate" });
        }
        if actions.first() == Some(&Action::PullImage) {
            job.run(&[actions.remove(0)], &mut steps).await?;
        }
        let failures = remove::all(context, &removals, &mut steps).await;
        if !failures.is_empty() {
            return Err(Error::Remains { name: name.clone(), failures });
        }
    }
    let Some(status) = job.run(&actions, &mut steps).await? else {
        steps.note(&format!("Gateway {name} is starting; see openshell gateway status{}", name.flag()));
        return Ok(exit::OK);
    };
    let endpoint = publish::publish(context, &settings, &status, &mut steps).await?;
    for warning in &status.warnings {
        steps.warn(warning);
    }
    if let Some(machine) = engine.host().remote().filter(|_| settings.is_loopback()) {
        steps.warn(&format!(
            "The gateway listens on the loopback of {machine}: reach it with `ssh -L {port}:127.0.0.1:{port}`, or start it \
             with --bind and --gateway-host",
            port = settings.port
        ));
    }
    steps.success("Gateway ready");
    steps.note(&format!("  Name:     {name}"));
    steps.note(&format!("  Endpoint: {endpoint}"));
    steps.note(&format!("  Elapsed:  {}", ui::seconds(ui.elapsed())));
    ui::data(&endpoint)?;
    Ok(exit::OK)
}
