//! What to do next.

use super::Error;
use crate::follow::Stuck;
use crate::machine::Lack;
use crate::name::GatewayName;
use crate::plan::{Refusal, short};
use crate::settings::registry;

impl Error {
    /// What to do next, one line each.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::DockerUnavailable { others, .. } => docker_hints(others),
            Self::DockerContext { .. } => vec![
                "see which there are: docker context ls".to_owned(),
                "choose another with DOCKER_CONTEXT, or set DOCKER_HOST, such as ssh://user@host".to_owned(),
            ],
            Self::Docker { source, .. } => {
                let mut hints = if is_about_gpus(&source.to_string()) { gpu_hints() } else { Vec::new() };
                hints.push("nothing was deleted; the same command goes on from where it stopped".to_owned());
                hints.push("verify that Docker works: docker info".to_owned());
                hints
            }
            Self::ImageMissing { image, cause } => image_hints(image, cause),
            Self::Unsuitable { name, lack } => lack_hints(name, lack),
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
}

/// What Docker says when it has no such device (moby, `daemon/devices.go` and its CDI driver).
fn is_about_gpus(answer: &str) -> bool {
    ["CDI device", "could not select device driver"].iter().any(|text| answer.contains(text))
}

fn gpu_hints() -> Vec<String> {
    vec![
        "by CDI: sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml, and restart Docker".to_owned(),
        "see which devices there are: nvidia-ctk cdi list".to_owned(),
        "by the runtime: sudo nvidia-ctk runtime configure --runtime=docker, and restart Docker".to_owned(),
    ]
}

fn lack_hints(name: &GatewayName, lack: &Lack) -> Vec<String> {
    match lack {
        Lack::Gpu(_) | Lack::Devices(_) => {
            let mut hints = gpu_hints();
            hints.push(format!("without one: openshell gateway start{} --gpu=off", name.flag()));
            hints
        }
        Lack::Processors { has, .. } => {
            vec![format!("openshell gateway start{} --cpus {has}", name.flag())]
        }
        Lack::Architecture { image, has, .. } => vec![
            format!("look for one that is for it: docker pull --platform linux/{has} {image}"),
            "name another image with --image REF or OPENSHELL_CLUSTER_IMAGE".to_owned(),
        ],
    }
}

/// An image that names no registry may be one that was to be built here.
fn image_hints(image: &str, cause: &str) -> Vec<String> {
    let registry = registry::of_image(image);
    let mut hints = Vec::new();
    if registry == registry::DOCKER_HUB {
        hints.push(format!("if it is built here, in its repository: IMAGE={image} scripts/build-image"));
    }
    if ["unauthorized", "denied", "forbidden", "no basic auth"].iter().any(|word| cause.contains(word)) {
        hints.push(format!("log in: docker login {registry}"));
        hints.push("or give --registry-username and OPENSHELL_REGISTRY_TOKEN".to_owned());
    }
    hints.push(format!("docker pull {image}"));
    hints.push("name another image with --image REF or OPENSHELL_CLUSTER_IMAGE".to_owned());
    hints
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
