//! What the machine behind Docker has, and whether it is enough for what a gateway's container is to be.

use crate::settings::{ALL_GPUS, Cpus, Gpu, Resources};

/// What the machine behind Docker has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Devices by the Container Device Interface.
    pub cdi: Cdi,
    /// Whether NVIDIA's runtime from before CDI is set up.
    pub nvidia_runtime: bool,
    /// How many processors.
    pub processors: i64,
    /// Its architecture, as images name it; empty if it is not known.
    pub architecture: String,
}

/// What Docker says of devices by the Container Device Interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cdi {
    /// It does not inject them.
    #[default]
    Off,
    /// It injects them, and is too old to say which there are.
    Unknown,
    /// These.
    Devices(Vec<String>),
}

/// How a container gets its GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// By NVIDIA's runtime, all of them.
    Legacy,
    /// By their CDI names.
    Cdi(Vec<String>),
}

/// What the machine lacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// A way to give a container a GPU.
    #[error("Docker has no GPU to give: it knows no CDI device {0}, and has no runtime \"nvidia\"")]
    Gpu(String),
    /// CDI devices that were asked for by name.
    #[error("Docker knows no CDI device {}", .0.join(", "))]
    Devices(Vec<String>),
    /// Processors.
    #[error("{asked} processors are asked for, and Docker has {has}")]
    Processors {
        /// What was asked for.
        asked: Cpus,
        /// What there is.
        has: i64,
    },
    /// The image's architecture.
    #[error("the image {image} is for {of}, and Docker runs on {has}")]
    Architecture {
        /// The image.
        image: String,
        /// Its architecture.
        of: String,
        /// The machine's.
        has: String,
    },
}

impl Machine {
    /// How a container with `resources` gets its GPUs, if it is to have any.
    ///
    /// # Errors
    /// The machine lacks what is asked for. What Docker doesn't tell is left for it to refuse.
    pub fn access(&self, resources: &Resources) -> Result<Option<Access>, Lack> {
        if let Some(asked) = resources.cpus.filter(|cpus| self.processors > 0 && cpus.exceed(self.processors))
        {
            return Err(Lack::Processors { asked, has: self.processors });
        }
        let all = || vec![ALL_GPUS.to_owned()];
        Ok(match resources.gpu.as_ref() {
            None | Some(Gpu::Off) => None,
            Some(Gpu::Legacy) => Some(Access::Legacy),
            Some(Gpu::Devices(names)) => {
                let missing: Vec<_> = names.iter().filter(|name| self.lacks(name)).cloned().collect();
                if !missing.is_empty() {
                    return Err(Lack::Devices(missing));
                }
                Some(Access::Cdi(names.clone()))
            }
            Some(Gpu::Auto) => Some(match (&self.cdi, self.nvidia_runtime) {
                (Cdi::Devices(_), _) if !self.lacks(ALL_GPUS) => Access::Cdi(all()),
                (_, true) => Access::Legacy,
                (Cdi::Unknown, false) => Access::Cdi(all()),
                (Cdi::Off | Cdi::Devices(_), false) => return Err(Lack::Gpu(ALL_GPUS.to_owned())),
            }),
        })
    }

    /// Whether Docker is known not to have the CDI device `name`.
    fn lacks(&self, name: &str) -> bool {
        match &self.cdi {
            Cdi::Off => true,
            Cdi::Unknown => false,
            Cdi::Devices(devices) => devices.iter().all(|device| device != name),
        }
    }

    /// Whether an image of architecture `of` runs here; what is not known is left for Docker to judge.
    ///
    /// # Errors
    /// [`Lack::Architecture`].
    pub fn runs(&self, image: &str, of: Option<&str>) -> Result<(), Lack> {
        match of {
            Some(of) if !of.is_empty() && !self.architecture.is_empty() && of != self.architecture => {
                let (image, of, has) = (image.to_owned(), of.to_owned(), self.architecture.clone());
                Err(Lack::Architecture { image, of, has })
            }
            _ => Ok(()),
        }
    }
}

/// The architecture that `uname` calls `machine`, as images name it (Go's `GOARCH`).
#[must_use]
pub fn architecture(machine: &str) -> String {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "armv7l" | "armv6l" => "arm",
        "i386" | "i686" => "386",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(cdi: Cdi, nvidia_runtime: bool) -> Machine {
        Machine { cdi, nvidia_runtime, processors: 4, architecture: "amd64".to_owned() }
    }

    #[test]
    fn gpus_come_by_what_there_is() {
        let devices = |names: &[&str]| Cdi::Devices(names.iter().map(|n| (*n).to_owned()).collect());
        let by_cdi = |name: &str| Ok(Some(Access::Cdi(vec![name.to_owned()])));
        let none = || Err(Lack::Gpu(ALL_GPUS.to_owned()));
        let missing = |name: &str| Err(Lack::Devices(vec![name.to_owned()]));
        let legacy = || Ok(Some(Access::Legacy));
        let (gpu_0, other) = ("nvidia.com/gpu=0", "other.example/nic=0");
        for (gpu, cdi, runtime, expected) in [
            ("off", devices(&[ALL_GPUS]), true, Ok(None)),
            ("auto", devices(&[gpu_0, ALL_GPUS]), true, by_cdi(ALL_GPUS)),
            ("auto", devices(&[other]), true, legacy()),
            ("auto", devices(&[other]), false, none()),
            ("auto", Cdi::Unknown, true, legacy()),
            ("auto", Cdi::Unknown, false, by_cdi(ALL_GPUS)),
            ("auto", Cdi::Off, true, legacy()),
            ("auto", Cdi::Off, false, none()),
            // A hook without a runtime is enough for it, and Docker doesn't tell.
            ("legacy", Cdi::Off, false, legacy()),
            (gpu_0, devices(&[gpu_0]), false, by_cdi(gpu_0)),
            (gpu_0, devices(&[other]), true, missing(gpu_0)),
            (gpu_0, Cdi::Unknown, false, by_cdi(gpu_0)),
            (gpu_0, Cdi::Off, true, missing(gpu_0)),
        ] {
            let resources = Resources { gpu: Some(gpu.parse().unwrap()), ..Resources::default() };
            assert_eq!(machine(cdi.clone(), runtime).access(&resources), expected, "{gpu} {cdi:?} {runtime}");
        }
        assert_eq!(machine(Cdi::Off, false).access(&Resources::default()), Ok(None));
    }

    #[test]
    fn more_processors_than_there_are_is_refused() {
        let resources = |cpus: &str| Resources { cpus: Some(cpus.parse().unwrap()), ..Resources::default() };
        assert_eq!(machine(Cdi::Off, false).access(&resources("4")), Ok(None));
        let refused = machine(Cdi::Off, false).access(&resources("4.5")).unwrap_err();
        assert_eq!(refused.to_string(), "4.5 processors are asked for, and Docker has 4");
        assert_eq!(Machine::default().access(&resources("64")), Ok(None), "Docker does not tell");
    }

    #[test]
    fn an_image_of_another_architecture_is_refused() {
        let machine = machine(Cdi::Off, false);
        assert_eq!(machine.runs("i", Some("amd64")), Ok(()));
        assert_eq!(machine.runs("i", None), Ok(()));
        let refused = machine.runs("i", Some("arm64")).unwrap_err().to_string();
        assert_eq!(refused, "the image i is for arm64, and Docker runs on amd64");
        assert_eq!(["x86_64", "aarch64", "riscv64"].map(architecture), ["amd64", "arm64", "riscv64"]);
    }
}
