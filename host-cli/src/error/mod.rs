//! What can go wrong, as people read it: what failed, why, and what to do next.

use crate::exit;
use crate::follow::Stuck;
use crate::name::GatewayName;
use crate::plan::{Refusal, short};
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
            Self::Docker { .. } => "DOCKER_REQUEST",
            Self::ImageMissing { .. } => "IMAGE_MISSING",
            Self::Conflict { refusal, .. } => match refusal {
                Refusal::ForeignContainer(_) => "CONFLICT_CONTAINER",
                Refusal::ForeignVolume(_) | Refusal::UnlabeledVolume => "CONFLICT_VOLUME",
                Refusal::ForeignNetwork(_) | Refusal::DuplicateNetwork(_) => "CONFLICT_NETWORK",
                Refusal::PortOfContainer { .. } | Refusal::PortOfHost { .. } => "CONFLICT_PORT",
                Refusal::BeingRemoved => "BEING_REMOVED",
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
            Self::DockerUnavailable { .. } => exit::DOCKER_UNAVAILABLE,
            Self::ImageMissing { .. } => exit::IMAGE_MISSING,
            Self::Conflict { .. } => exit::CONFLICT,
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
            | Self::ImageMissing { cause, .. }
            | Self::NoStatus { cause, .. }
            | Self::NoCertificates { cause, .. } => vec![cause.clone()],
            Self::Docker { source, .. } => vec![source.to_string()],
            Self::NotReady { stuck, .. } => stuck.causes(),
            Self::Remains { failures, .. } => failures.clone(),
            Self::File { source, .. } | Self::Stdio(source) => vec![source.to_string()],
            Self::NoHome => vec!["neither XDG_CONFIG_HOME nor HOME is set".to_owned()],
            Self::Conflict { .. }
            | Self::NoGateway(_)
            | Self::NotRunning(_)
            | Self::Interrupted(_)
            | Self::Unconfirmed { .. } => Vec::new(),
        }
    }

    /// What to do next, one line each.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::DockerUnavailable { others, .. } => docker_hints(others),
            Self::Docker { .. } => vec![
                "nothing was deleted; the same command goes on from where it stopped".to_owned(),
                "verify that Docker works: docker info".to_owned(),
            ],
            Self::ImageMissing { image, .. } => vec![
                format!("docker pull {image}"),
                "name another image with --image REF or OPENSHELL_CLUSTER_IMAGE".to_owned(),
            ],
            Self::Conflict { name, refusal } => conflict_hints(name, refusal),
            Self::NoGateway(name) | Self::NotRunning(name) => {
                vec![format!("openshell gateway start{}", name.flag())]
            }
            Self::NoStatus { name, .. } | Self::NoCertificates { name, .. } => vec![log_hint(name)],
            Self::NotReady { name, stuck, kept, .. } => {
                let mut hints = stuck.remedies();
                if let Some(kept) = kept {
                    hints.push("the container from before was put back and started".to_owned());
                    hints.push(format!("docker logs {kept}"));
                    return hints;
                }
                if matches!(**stuck, Stuck::Timeout { .. }) {
                    let flag = name.flag();
                    hints.push(format!(
                        "it goes on by itself; look again with: openshell gateway status{flag}"
                    ));
                }
                hints.push(log_hint(name));
                hints
            }
            Self::Interrupted(name) => vec![format!("openshell gateway status{}", name.flag())],
            Self::Unconfirmed { name, command } => {
                vec![format!("openshell gateway {command}{} --yes", name.flag())]
            }
            Self::Remains { name, .. } => {
                vec![format!("repeat it: openshell gateway destroy{} --yes", name.flag())]
            }
            Self::File { .. } => vec!["check the owner and the free space of that directory".to_owned()],
            Self::NoHome => vec!["set HOME".to_owned()],
            Self::Stdio(_) => vec!["check where the output goes".to_owned()],
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

fn log_hint(name: &GatewayName) -> String {
    format!("openshell gateway logs{} --tail 100", name.flag())
}

fn docker_hints(others: &[String]) -> Vec<String> {
    let mut hints: Vec<_> = others
        .iter()
        .map(|socket| format!("another Docker socket is here: export DOCKER_HOST=unix://{socket}"))
        .collect();
    hints.push("start Docker, or set DOCKER_HOST to where it is".to_owned());
    hints.push("verify that Docker works: docker info".to_owned());
    hints
}

fn conflict_hints(name: &GatewayName, refusal: &Refusal) -> Vec<String> {
    let object = name.object();
    match refusal {
        Refusal::ForeignContainer(id) => vec![
            format!(
                "if it is a gateway of an earlier release: docker rm -f {object} keeps its volume, and the next start goes on with the data"
            ),
            format!("look at it: docker inspect {}", short(id)),
            "or use another name: -g NAME".to_owned(),
        ],
        Refusal::ForeignVolume(_) => {
            vec![
                format!("look at it: docker volume inspect {object}"),
                "use another name: -g NAME".to_owned(),
            ]
        }
        Refusal::UnlabeledVolume => vec![
            format!("keep its data: openshell gateway start{}", name.flag()),
            format!("or remove it yourself: docker volume rm {object}"),
        ],
        Refusal::ForeignNetwork(_) => {
            vec![
                format!("look at it: docker network inspect {object}"),
                "use another name: -g NAME".to_owned(),
            ]
        }
        Refusal::DuplicateNetwork(ids) => {
            vec![format!("remove those that nobody uses: docker network rm {}", ids.join(" "))]
        }
        Refusal::PortOfContainer { port, holder } => vec![
            format!("docker stop {holder}"),
            format!("openshell gateway start{} --port {}", name.flag(), port.checked_add(1).unwrap_or(8081)),
        ],
        Refusal::PortOfHost { port, .. } => vec![
            format!("find the holder: ss -ltnp 'sport = :{port}'"),
            format!("openshell gateway start{} --port {}", name.flag(), port.checked_add(1).unwrap_or(8081)),
        ],
        Refusal::BeingRemoved => vec!["wait a moment and repeat the command".to_owned()],
    }
}

#[cfg(test)]
mod tests;
