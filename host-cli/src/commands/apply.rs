//! Carries out the plan of a start.

use super::suit::Suited;
use super::{Context, interrupted};
use crate::error::Error;
use crate::follow::{self, Stuck};
use crate::plan::Action;
use crate::settings::{Settings, registry};
use crate::ui::Steps;
use openshell_contract::status::Status;
use std::time::Duration;

/// Lines of the container's log that an error shows.
const LOG_LINES: u32 = 12;

/// A start that is under way.
pub(super) struct Job<'a> {
    pub(super) context: &'a Context,
    pub(super) settings: &'a Settings,
    pub(super) suited: &'a Suited,
    /// How long the gateway may take to become ready.
    pub(super) timeout: Duration,
    /// Whether an earlier start had put a container aside and was cut.
    pub(super) aside: bool,
}

impl Job<'_> {
    /// Carries out `actions`; gives the status if they wait for one.
    ///
    /// If a replacement does not become ready, the container that was put aside takes its place
    /// again. Ctrl-C is heard only where nothing is half done, or after it was put back.
    pub(super) async fn run(&self, actions: &[Action], steps: &mut Steps) -> Result<Option<Status>, Error> {
        let mut status = None;
        for (at, action) in actions.iter().enumerate() {
            match self.step(*action, steps).await {
                Ok(None) => {}
                Ok(found) => status = found,
                Err(error) => {
                    steps.abandon();
                    let aside = self.aside || actions[..at].contains(&Action::PutAside);
                    let undo = aside && !matches!(action, Action::PullImage | Action::RemovePrevious);
                    return Err(if undo { self.put_back(error).await } else { error });
                }
            }
        }
        Ok(status)
    }

    async fn step(&self, action: Action, steps: &mut Steps) -> Result<Option<Status>, Error> {
        let Context { name, engine, .. } = self.context;
        let object = name.object();
        if action == Action::AwaitReady {
            return self.await_ready(steps).await.map(Some);
        }
        let title = action.to_string();
        steps.begin(&title);
        match action {
            Action::PullImage => {
                let image = &self.settings.image;
                let login = registry::login(image, &self.settings.env);
                tokio::select! {
                    pulled = engine.pull(image, login.as_ref(), |_| steps.tick()) => pulled?,
                    () = interrupted() => return Err(Error::Interrupted(name.clone())),
                }
                let pulled = engine.image(image).await?;
                self.suited.image(self.context, self.settings, pulled.as_ref())?;
            }
            Action::CreateNetwork => engine.create_network(name).await?,
            Action::CreateVolume => engine.create_volume(name).await?,
            Action::RestorePrevious => engine.rename(&name.previous(), object).await?,
            Action::RemoveDead => engine.remove_container(&object).await?,
            Action::RemoveFailed => engine.remove_container(&name.failed()).await?,
            Action::PutAside => engine.rename(&object, name.previous()).await?,
            Action::KeepAsFailed => self.keep_as_failed().await?,
            Action::CreateContainer => {
                engine.create_container(name, self.settings, self.suited.gpus.as_ref()).await?;
            }
            Action::Reconnect => engine.reconnect(name).await?,
            Action::StopPrevious => engine.stop(&name.previous(), None).await?,
            Action::StartContainer => engine.start(&object).await?,
            Action::Unpause => engine.unpause(&object).await?,
            Action::RemovePrevious => engine.remove_container(&name.previous()).await?,
            Action::AwaitReady => {}
        }
        steps.end(&title);
        Ok(None)
    }

    async fn await_ready(&self, steps: &mut Steps) -> Result<Status, Error> {
        let Context { name, engine, .. } = self.context;
        let object = name.object();
        let waited = tokio::select! {
            waited = follow::until_ready(engine, &object, self.timeout, steps) => waited?,
            () = interrupted() => return Err(Error::Interrupted(name.clone())),
        };
        match waited {
            Ok(status) => Ok(status),
            Err(stuck) => {
                let log = match stuck {
                    Stuck::Gone => Vec::new(),
                    _ => engine.last_lines(&object, LOG_LINES).await,
                };
                Err(Error::NotReady { name: name.clone(), stuck: Box::new(stuck), log, kept: None })
            }
        }
    }

    /// Stops the container and puts it aside as failed.
    async fn keep_as_failed(&self) -> Result<(), Error> {
        let Context { name, engine, .. } = self.context;
        engine.stop(&name.object(), None).await?;
        engine.remove_container(&name.failed()).await?;
        engine.rename(&name.object(), name.failed()).await
    }

    /// Gives the old container its place back after `error` of its replacement.
    async fn put_back(&self, error: Error) -> Error {
        let Context { name, engine, .. } = self.context;
        self.context.ui.note("The replacement did not become ready: putting the old container back");
        let outcome = async {
            if engine.inspect(&name.object()).await?.is_some() {
                self.keep_as_failed().await?;
            }
            engine.rename(&name.previous(), name.object()).await?;
            engine.start(&name.object()).await
        };
        if let Err(second) = outcome.await {
            self.context.ui.error(&second);
            return error;
        }
        match error {
            Error::NotReady { name, stuck, log, .. } => {
                let kept = Some(name.failed());
                Error::NotReady { name, stuck, log, kept }
            }
            error => error,
        }
    }
}
