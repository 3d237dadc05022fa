//! What to do, decided from what is there and what is wanted, without any effect.
//!
//! Nothing is deleted on the way to running. A container that has to be another one is put aside,
//! and removed only after its replacement was ready; whatever step is cut, the next plan goes on
//! from there. No plan of a start touches a volume other than by creating it, unless all is to be made anew.

mod destroy;
mod recreate;
mod start;
#[cfg(test)]
mod tests;

pub use destroy::{Removal, destroy};
pub use recreate::recreate;
pub use start::start;

use std::fmt;

/// What Docker has under a gateway's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The gateway's container.
    pub container: Option<Container>,
    /// A container that a replacement put aside.
    pub previous: Option<Container>,
    /// A replacement that failed and was kept.
    pub failed: Option<Container>,
    /// The volume.
    pub volume: Owner,
    /// Every network of that name; Docker allows several.
    pub networks: Vec<Network>,
    /// ID of the wanted image, if it is here.
    pub image: Option<String>,
    /// The wanted port.
    pub port: Port,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Docker's ID.
    pub id: String,
    /// Whether its labels say that it belongs to this gateway.
    pub ours: bool,
    /// Docker's state of it.
    pub state: State,
    /// Reference of its image, as it was asked for.
    pub image_ref: String,
    /// ID of its image.
    pub image_id: String,
    /// Digest of the settings that it was made with.
    pub settings: String,
    /// The network that it is attached to.
    pub network: Option<String>,
}

/// Docker's state of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Made, never started.
    Created,
    /// Runs.
    Running,
    /// Frozen.
    Paused,
    /// Ended, and Docker is about to start it again.
    Restarting,
    /// Ended.
    Exited,
    /// Docker is removing it.
    Removing,
    /// Docker could not remove it; it can't be started.
    Dead,
}

impl State {
    /// As people read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Exited => "stopped",
            Self::Removing => "being removed",
            Self::Dead => "dead",
        }
    }
}

/// Whose a volume or network is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// There is none.
    #[default]
    Absent,
    /// This gateway's, by its labels.
    Ours,
    /// Without any label, as the gateways before this release left them. What a volume holds is for
    /// PID 1 to judge.
    Unlabeled,
    /// Somebody else's; the text says whose.
    Foreign(String),
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Docker's ID.
    pub id: String,
    /// Whose it is.
    pub owner: Owner,
}

/// The wanted port, as far as others are concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Port {
    /// Nobody else has it.
    #[default]
    Free,
    /// Another container publishes it.
    Container(String),
    /// The operating system refuses it; the text says why.
    Host(String),
}

/// What is wanted of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Image reference.
    pub image: String,
    /// Digest of the settings.
    pub settings: String,
    /// Port on the host.
    pub port: u16,
    /// Whether to wait until it is ready.
    pub wait: bool,
}

/// A step of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Pull the wanted image.
    PullImage,
    /// Create the network.
    CreateNetwork,
    /// Create the volume.
    CreateVolume,
    /// Give the container that was put aside its name back.
    RestorePrevious,
    /// Remove a container that Docker itself declared dead.
    RemoveDead,
    /// Remove an earlier replacement that had failed.
    RemoveFailed,
    /// Put the container aside under another name.
    PutAside,
    /// Put a replacement that never became ready aside as failed.
    KeepAsFailed,
    /// Create the container.
    CreateContainer,
    /// Attach the container to the network of today instead of one that is gone.
    Reconnect,
    /// Stop the container that was put aside.
    StopPrevious,
    /// Start the container.
    StartContainer,
    /// Let the frozen container go on.
    Unpause,
    /// Wait until the gateway is ready.
    AwaitReady,
    /// Remove the container that was put aside.
    RemovePrevious,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PullImage => "pull the image",
            Self::CreateNetwork => "create the network",
            Self::CreateVolume => "create the volume",
            Self::RestorePrevious => "give the container that was put aside its name back",
            Self::RemoveDead => "remove the dead container",
            Self::RemoveFailed => "remove the earlier replacement that failed",
            Self::PutAside => "put the container aside",
            Self::KeepAsFailed => "put the unfinished replacement aside",
            Self::CreateContainer => "create the container",
            Self::Reconnect => "attach the container to its network",
            Self::StopPrevious => "stop the container that was put aside",
            Self::StartContainer => "start the container",
            Self::Unpause => "let the paused container go on",
            Self::AwaitReady => "wait until the gateway is ready",
            Self::RemovePrevious => "remove the container that was put aside",
        })
    }
}

/// Why there is nothing to be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The container's name is taken.
    #[error("somebody else made container {}: it has no label of this gateway", short(.0))]
    ForeignContainer(String),
    /// The volume's name is taken.
    #[error("the volume of that name belongs to {0}")]
    ForeignVolume(String),
    /// Nobody says whose the volume is, so its data isn't removed.
    #[error("the volume of that name has no label that says whose it is")]
    UnlabeledVolume,
    /// The network's name is taken.
    #[error("the network of that name belongs to {0}")]
    ForeignNetwork(String),
    /// Several networks have the name, and Docker would pick any.
    #[error("{} networks have the same name: {}", .0.len(), .0.iter().map(|id| short(id)).collect::<Vec<_>>().join(", "))]
    DuplicateNetwork(Vec<String>),
    /// Another container publishes the port.
    #[error("port {port} is published by container {holder}")]
    PortOfContainer {
        /// The port.
        port: u16,
        /// The container's name.
        holder: String,
    },
    /// The operating system refuses the port.
    #[error("port {port} can't be bound: {cause}")]
    PortOfHost {
        /// The port.
        port: u16,
        /// Why.
        cause: String,
    },
    /// Docker has not finished removing the container.
    #[error("Docker is still removing the container")]
    BeingRemoved,
}

/// A Docker ID as Docker's own tools show it.
#[must_use]
pub fn short(id: &str) -> &str {
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    id.get(..12).unwrap_or(id)
}
