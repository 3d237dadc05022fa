//! The plan of a start.

use super::{Action, Container, Observed, Owner, Port, Refusal, State, Wanted};

/// What to do so that the wanted gateway runs.
///
/// # Errors
/// Something has the gateway's name or port that isn't the gateway's. Nothing may be done then.
pub fn start(observed: &Observed, wanted: &Wanted) -> Result<Vec<Action>, Refusal> {
    refuse_foreign(observed)?;
    let mut actions = Vec::new();

    let restored = observed.container.is_none() && observed.previous.is_some();
    let container = observed.container.as_ref().or(observed.previous.as_ref());
    let replacing = observed.previous.is_some() && !restored;
    let kept = container.filter(|c| c.state != State::Dead && is_wanted(c, observed, wanted));

    if kept.is_none() && observed.image.is_none() {
        actions.push(Action::PullImage);
    }
    if restored {
        actions.push(Action::RestorePrevious);
    }
    if observed.networks.is_empty() {
        actions.push(Action::CreateNetwork);
    }
    if observed.volume == Owner::Absent {
        actions.push(Action::CreateVolume);
    }
    let mut aside = replacing;
    match (kept, container) {
        (Some(kept), _) => {
            if replacing && observed.previous.as_ref().is_some_and(is_alive) {
                actions.push(Action::StopPrevious);
            }
            actions.extend(run(kept, observed));
        }
        (None, None) => actions.extend([Action::CreateContainer, Action::StartContainer]),
        (None, Some(old)) => {
            if old.state == State::Dead {
                actions.push(Action::RemoveDead);
            } else {
                if observed.failed.is_some() {
                    actions.push(Action::RemoveFailed);
                }
                actions.push(if replacing { Action::KeepAsFailed } else { Action::PutAside });
                aside = true;
            }
            actions.push(Action::CreateContainer);
            let put_aside = if replacing { observed.previous.as_ref() } else { Some(old) };
            if aside && put_aside.is_some_and(is_alive) {
                actions.push(Action::StopPrevious);
            }
            actions.push(Action::StartContainer);
        }
    }
    if actions.contains(&Action::StartContainer) {
        refuse_taken_port(wanted.port, &observed.port)?;
    }
    if wanted.wait {
        actions.push(Action::AwaitReady);
        if aside {
            actions.push(Action::RemovePrevious);
        }
    }
    Ok(actions)
}

/// An image that isn't here can't be compared by its ID; a gateway goes on offline with what it has.
fn is_wanted(container: &Container, observed: &Observed, wanted: &Wanted) -> bool {
    let same_image = match &observed.image {
        Some(id) => *id == container.image_id,
        None => wanted.image == container.image_ref,
    };
    same_image && container.settings == wanted.settings
}

/// What makes a container run that is as it should be.
fn run(container: &Container, observed: &Observed) -> Vec<Action> {
    let mut actions = Vec::new();
    let network = observed.networks.first().map(|n| n.id.as_str());
    if network.is_none() || container.network.as_deref() != network {
        actions.push(Action::Reconnect);
    }
    match container.state {
        State::Running | State::Restarting => {}
        State::Paused => actions.push(Action::Unpause),
        State::Created | State::Exited | State::Removing | State::Dead => {
            actions.push(Action::StartContainer);
        }
    }
    actions
}

/// Whether it has, or may get by itself, processes that use the volume.
const fn is_alive(container: &Container) -> bool {
    matches!(container.state, State::Running | State::Paused | State::Restarting)
}

fn refuse_foreign(observed: &Observed) -> Result<(), Refusal> {
    for container in [&observed.container, &observed.previous, &observed.failed].into_iter().flatten() {
        if !container.ours {
            return Err(Refusal::ForeignContainer(container.id.clone()));
        }
        if container.state == State::Removing {
            return Err(Refusal::BeingRemoved);
        }
    }
    if let Owner::Foreign(whose) = &observed.volume {
        return Err(Refusal::ForeignVolume(whose.clone()));
    }
    if let Some(Owner::Foreign(whose)) = observed.networks.first().map(|n| &n.owner) {
        return Err(Refusal::ForeignNetwork(whose.clone()));
    }
    if observed.networks.len() > 1 {
        return Err(Refusal::DuplicateNetwork(observed.networks.iter().map(|n| n.id.clone()).collect()));
    }
    Ok(())
}

fn refuse_taken_port(port: u16, state: &Port) -> Result<(), Refusal> {
    match state {
        Port::Free => Ok(()),
        Port::Container(holder) => Err(Refusal::PortOfContainer { port, holder: holder.clone() }),
        Port::Host(cause) => Err(Refusal::PortOfHost { port, cause: cause.clone() }),
    }
}
