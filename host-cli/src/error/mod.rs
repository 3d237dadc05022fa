//! What can go wrong, as people read it: what failed, why, and what to do next.

mod hints;

use crate::exit;
use crate::follow::Stuck;
use crate::machine::Lack;
use crate::name::GatewayName;
use crate::plan::Refusal;
use std::fmt::Write as _;
use std::path::PathBuf;

/// A command's failure. Each has an id, an exit code, a cause and at least one hint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Docker can't be reached.
    #[error("Docker is not available at {host}")]
    DockerUnavailable {
        /// Address that was tried.
        host: String,
        /// What the client said.
        cause: String,
        /// Other sockets that exist on this machine.
        others: Vec<String>,
    },
    /// The Docker context can't be used.
    #[error("can't use the Docker context {context}")]
    DockerContext {
        /// Its name.
        context: String,
        /// Why.
        cause: String,
    },
    /// Docker refused a request.
    #[error("can't {action} {object}")]
    Docker {
        /// What was asked for.
        action: &'static str,
        /// Of what.
        object: String,
        /// Docker's answer.
        source: bollard::errors::Error,
    },
    /// The image can't be had.
    #[error("the image {image} is not here and can't be pulled")]
    ImageMissing {
        /// The image.
        image: String,
        /// Docker's answer.
        cause: String,
    },
    /// Something of somebody else's is in the way.
    #[error("can't manage gateway {name}: {refusal}")]
    Conflict {
        /// The gateway.
        name: GatewayName,
        /// What is in the way.
        refusal: Refusal,
    },
    /// The machine is not enough for what was asked for.
    #[error("gateway {name} can't be made as asked: {lack}")]
    Unsuitable {
        /// The gateway.
        name: GatewayName,
        /// What is missing.
        lack: Lack,
    },
    /// There is no such gateway.
    #[error("there is no gateway {0}")]
    NoGateway(GatewayName),
    /// It exists and does not run.
    #[error("gateway {0} is not running")]
    NotRunning(GatewayName),
    /// It runs and PID 1 does not answer.
    #[error("gateway {name} gives no status")]
    NoStatus {
        /// The gateway.
        name: GatewayName,
        /// What the request for it said.
        cause: String,
    },
    /// It did not become ready.
    #[error("gateway {name} {stuck}")]
    NotReady {
        /// The gateway.
        name: GatewayName,
        /// Why.
        stuck: Box<Stuck>,
        /// The last lines of its log.
        log: Vec<String>,
        /// Name of the container that was put aside as failed, if the old one was put back.
        kept: Option<String>,
    },
    /// Ctrl-C.
    #[error("interrupted; gateway {0} is left as it is")]
    Interrupted(GatewayName),
    /// Removing needs a yes.
    #[error("removing the data of gateway {name} needs a confirmation")]
    Unconfirmed {
        /// The gateway.
        name: GatewayName,
        /// The command, without its `--yes`.
        command: &'static str,
    },
    /// Some of a removal failed.
    #[error("gateway {name} is not completely removed")]
    Remains {
        /// The gateway.
        name: GatewayName,
        /// One line for each failure.
        failures: Vec<String>,
    },
    /// The client certificates can't be had from the gateway.
    #[error("gateway {name} gives no client certificates")]
    NoCertificates {
        /// The gateway.
        name: GatewayName,
        /// Why.
        cause: String,
    },
    /// A file can't be written or read.
    #[error("can't {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// No place for files.
    #[error("there is no directory for the client's files")]
    NoHome,
    /// The output's reader is gone, or a terminal can't be read.
    #[error("can't use standard input or output")]
    Stdio(#[source] std::io::Error),
}

impl Error {
    /// The stable id.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::DockerUnavailable { .. } => "DOCKER_UNAVAILABLE",
            Self::DockerContext { .. } => "DOCKER_CONTEXT",
            Self::Docker { .. } => "DOCKER_REQUEST",
            Self::ImageMissing { .. } => "IMAGE_MISSING",
            Self::Conflict { refusal, .. } => match refusal {
                Refusal::ForeignContainer(_) => "CONFLICT_CONTAINER",
                Refusal::ForeignVolume(_) | Refusal::UnlabeledVolume => "CONFLICT_VOLUME",
                Refusal::ForeignNetwork(_) | Refusal::DuplicateNetwork(_) => "CONFLICT_NETWORK",
                Refusal::PortOfContainer { .. } | Refusal::PortOfHost { .. } => "CONFLICT_PORT",
                Refusal::BeingRemoved => "BEING_REMOVED",
            },
            Self::Unsuitable { lack, .. } => match lack {
                Lack::Gpu(_) | Lack::Devices(_) => "GPU_UNAVAILABLE",
                Lack::Processors { .. } => "TOO_FEW_PROCESSORS",
                Lack::Architecture { .. } => "ARCHITECTURE",
            },
            Self::NoGateway(_) => "NO_GATEWAY",
            Self::NotRunning(_) => "NOT_RUNNING",
            Self::NoStatus { .. } => "NO_STATUS",
            Self::NotReady { stuck, .. } => stuck.id(),
            Self::Interrupted(_) => "INTERRUPTED",
            Self::Unconfirmed { .. } => "UNCONFIRMED",
            Self::Remains { .. } => "REMAINS",
            Self::NoCertificates { .. } => "NO_CERTIFICATES",
            Self::File { .. } => "FILE",
            Self::NoHome => "NO_HOME",
            Self::Stdio(_) => "STDIO",
        }
    }

    /// The exit code, one of [`exit`].
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::DockerUnavailable { .. } | Self::DockerContext { .. } => exit::DOCKER_UNAVAILABLE,
            Self::ImageMissing { .. } => exit::IMAGE_MISSING,
            Self::Conflict { .. } => exit::CONFLICT,
            Self::Unsuitable { .. } => exit::UNSUITABLE,
            Self::NoGateway(_) | Self::NotRunning(_) => exit::NOT_RUNNING,
            Self::NotReady { stuck, .. } => stuck.exit_code(),
            Self::Interrupted(_) => exit::INTERRUPTED,
            Self::Unconfirmed { .. } => exit::USAGE,
            Self::Docker { .. }
            | Self::NoStatus { .. }
            | Self::Remains { .. }
            | Self::NoCertificates { .. }
            | Self::File { .. }
            | Self::NoHome
            | Self::Stdio(_) => exit::INTERNAL,
        }
    }

    /// Why, one line each.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        match self {
            Self::DockerUnavailable { cause, .. }
            | Self::DockerContext { cause, .. }
            | Self::ImageMissing { cause, .. }
            | Self::NoStatus { cause, .. }
            | Self::NoCertificates { cause, .. } => vec![cause.clone()],
            Self::Docker { source, .. } => vec![source.to_string()],
            Self::NotReady { stuck, .. } => stuck.causes(),
            Self::Remains { failures, .. } => failures.clone(),
            Self::File { source, .. } | Self::Stdio(source) => vec![source.to_string()],
            Self::NoHome => vec!["neither XDG_CONFIG_HOME nor HOME is set".to_owned()],
            Self::Conflict { .. }
            | Self::Unsuitable { .. }
            | Self::NoGateway(_)
            | Self::NotRunning(_)
            | Self::Interrupted(_)
            | Self::Unconfirmed { .. } => Vec::new(),
        }
    }

    /// The last lines of the gateway's log, where they tell something.
    #[must_use]
    pub fn log(&self) -> &[String] {
        match self {
            Self::NotReady { log, .. } => log,
            _ => &[],
        }
    }

    /// The block that is shown, without a final newline.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("error: {self} [{}]", self.id());
        // Writing to a String can't fail.
        for cause in self.causes() {
            let _ = write!(text, "\n  cause: {}", cause.trim_end().replace('\n', "\n         "));
        }
        for line in self.log() {
            let _ = write!(text, "\n  log:   {line}");
        }
        for hint in self.hints() {
            let _ = write!(text, "\n  hint:  {hint}");
        }
        text
    }
}

#[cfg(test)]
mod tests;
