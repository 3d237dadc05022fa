//! Whether the machine is enough for a container that is about to be made, before anything is changed.

use super::Context;
use crate::error::Error;
use crate::machine::{Access, Lack, Machine};
use crate::plan::Action;
use crate::settings::Settings;
use bollard::models::ImageInspect;

/// What a new container needs to know of the machine.
#[derive(Debug, Default)]
pub(super) struct Suited {
    /// How it gets its GPUs, if it is to have any.
    pub(super) gpus: Option<Access>,
    machine: Machine,
}

/// Looks at the machine if `actions` make a container.
pub(super) async fn suit(
    context: &Context,
    settings: &Settings,
    image: Option<&ImageInspect>,
    actions: &[Action],
) -> Result<Suited, Error> {
    if !actions.contains(&Action::CreateContainer) {
        return Ok(Suited::default());
    }
    let machine = context.engine.machine().await?;
    let lacks = |lack: Lack| Error::Unsuitable { name: context.name.clone(), lack };
    let gpus = machine.access(&settings.options.resources).map_err(lacks)?;
    let suited = Suited { gpus, machine };
    suited.image(context, settings, image)?;
    Ok(suited)
}

impl Suited {
    /// Whether the image runs here, as far as it is known; one that has yet to be pulled is not.
    pub(super) fn image(
        &self,
        context: &Context,
        settings: &Settings,
        image: Option<&ImageInspect>,
    ) -> Result<(), Error> {
        let of = image.and_then(|image| image.architecture.as_deref());
        let runs = self.machine.runs(&settings.image, of);
        runs.map_err(|lack| Error::Unsuitable { name: context.name.clone(), lack })
    }
}
