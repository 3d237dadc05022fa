//! What Docker says of its machine.

use super::{Engine, request};
use crate::error::Error;
use crate::machine::{Cdi, Machine, architecture};
use bollard::models::SystemInfo;

/// The first API whose answer lists CDI devices (Docker Engine API, version history, v1.50).
const LISTS_DEVICES: (usize, usize) = (1, 50);

impl Engine {
    /// What the machine has.
    ///
    /// # Errors
    /// Docker refuses to say.
    pub async fn machine(&self) -> Result<Machine, Error> {
        let info = self.docker.info().await.map_err(request("ask for", "Docker's settings"))?;
        Ok(self.machine_of(&info))
    }

    /// What the machine has, by what Docker has said of itself.
    #[must_use]
    pub fn machine_of(&self, info: &SystemInfo) -> Machine {
        let version = self.docker.client_version();
        machine(info, (version.major_version, version.minor_version) >= LISTS_DEVICES)
    }
}

fn machine(info: &SystemInfo, lists_devices: bool) -> Machine {
    let injects = info.cdi_spec_dirs.as_ref().is_some_and(|dirs| !dirs.is_empty());
    let of_cdi = info.discovered_devices.iter().flatten().filter(|d| d.source.as_deref() == Some("cdi"));
    Machine {
        cdi: match (injects, lists_devices) {
            (false, _) => Cdi::Off,
            (true, false) => Cdi::Unknown,
            (true, true) => Cdi::Devices(of_cdi.filter_map(|device| device.id.clone()).collect()),
        },
        nvidia_runtime: info.runtimes.as_ref().is_some_and(|runtimes| runtimes.contains_key("nvidia")),
        processors: info.ncpu.unwrap_or_default(),
        architecture: architecture(info.architecture.as_deref().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_those_that_docker_lists() {
        let info: SystemInfo = serde_json::from_value(serde_json::json!({
            "CDISpecDirs": ["/etc/cdi"], "NCPU": 2, "Architecture": "aarch64",
            "Runtimes": {"runc": {"path": "runc"}, "nvidia": {"path": "nvidia-container-runtime"}},
            "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}, {"Source": "x", "ID": "y"}],
        }))
        .unwrap();
        let found = machine(&info, true);
        assert_eq!(found.cdi, Cdi::Devices(vec!["nvidia.com/gpu=0".to_owned()]));
        assert_eq!((found.nvidia_runtime, found.processors, found.architecture.as_str()), (true, 2, "arm64"));
        assert_eq!(machine(&info, false).cdi, Cdi::Unknown);
        assert_eq!(machine(&SystemInfo::default(), true), Machine::default());
    }
}
