//! The container of a gateway, as Docker is asked to make it.

use crate::machine::Access;
use crate::name::GatewayName;
use crate::settings::{Cpus, Memory, OPTIONS_LABEL, Settings};
use bollard::models::{
    ContainerCreateBody, DeviceRequest, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig,
    PortBinding, RestartPolicy, RestartPolicyNameEnum,
};
use openshell_contract::names::{cluster, host, path};
use openshell_contract::settings::{self as pid1, Layer, Source};
use std::collections::HashMap;

/// Seconds that Docker gives to a stop above those that PID 1 gives itself: for a slow machine, and so
/// that it is never Docker that ends what PID 1 is about to end in order.
const STOP_MARGIN: u64 = 21;

/// How long Docker waits at a stop before it kills, in seconds.
fn stop_timeout(environment: &Layer) -> i64 {
    let asked: Layer = environment
        .iter()
        .filter(|(k, _)| *k == "OPENSHELL_STOP_TIMEOUT")
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    // A malformed value is PID 1's to refuse, and then it stops within its default time.
    let settings = pid1::Settings::from_layers(&[(Source::Environment, &asked)])
        .or_else(|_| pid1::Settings::from_layers(&[]));
    let own = settings.map(|s| s.stop_timeout.as_secs());
    i64::try_from(own.unwrap_or_default() + STOP_MARGIN).unwrap_or(i64::MAX)
}

/// The gateway's port inside the container.
#[must_use]
pub fn container_port() -> String {
    format!("{}/tcp", cluster::NODE_PORT)
}

/// Labels of everything that belongs to `name`.
#[must_use]
pub fn labels(name: &GatewayName) -> HashMap<String, String> {
    HashMap::from([
        (host::MANAGED_BY_LABEL.to_owned(), host::MANAGED_BY.to_owned()),
        (host::GATEWAY_LABEL.to_owned(), name.as_str().to_owned()),
    ])
}

/// The container of `name` with `settings`, and with `gpus` if it is to have any.
#[must_use]
pub fn container(name: &GatewayName, settings: &Settings, gpus: Option<&Access>) -> ContainerCreateBody {
    let mut labels = labels(name);
    labels.insert(host::SETTINGS_LABEL.to_owned(), settings.digest());
    // Plain data: it can always be written as JSON.
    let options = serde_json::to_string(&settings.options).unwrap_or_default();
    labels.insert(OPTIONS_LABEL.to_owned(), options);
    let environment = settings.environment(name);
    ContainerCreateBody {
        stop_timeout: Some(stop_timeout(&environment)),
        hostname: Some(name.node()),
        image: Some(settings.image.clone()),
        env: Some(environment.into_iter().map(|(k, v)| format!("{k}={v}")).collect()),
        labels: Some(labels),
        exposed_ports: Some(vec![container_port()]),
        host_config: Some(HostConfig {
            device_requests: gpus.map(|gpus| vec![device_request(gpus)]),
            ..host_config(name, settings)
        }),
        ..ContainerCreateBody::default()
    }
}

/// As `docker run --gpus all` and `docker run --device NAME` ask for them.
fn device_request(gpus: &Access) -> DeviceRequest {
    match gpus {
        Access::Legacy => DeviceRequest {
            driver: Some("nvidia".to_owned()),
            count: Some(-1),
            capabilities: Some(vec![["gpu", "utility", "compute"].map(str::to_owned).to_vec()]),
            ..DeviceRequest::default()
        },
        Access::Cdi(names) => DeviceRequest {
            driver: Some("cdi".to_owned()),
            device_ids: Some(names.clone()),
            ..DeviceRequest::default()
        },
    }
}

fn host_config(name: &GatewayName, settings: &Settings) -> HostConfig {
    let object = name.object();
    let memory = settings.options.resources.memory.and_then(Memory::bytes);
    let binding =
        PortBinding { host_ip: Some(settings.bind.to_string()), host_port: Some(settings.port.to_string()) };
    HostConfig {
        privileged: Some(true),
        // PID 1 moves itself into a cgroup of its own below the container's; it must see the host's tree.
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::HOST),
        // PID 1 reaps; Docker's own init in front of it would hide the pods' orphans from it.
        init: Some(false),
        memory,
        // Memory and swap together: kubelet counts no swap, so there is none above the limit.
        memory_swap: memory,
        nano_cpus: settings.options.resources.cpus.and_then(Cpus::nanos),
        network_mode: Some(object.clone()),
        binds: Some(vec![format!("{object}:{}", path::DATA)]),
        // Sockets and pid files of the last run are gone at each start; `exec` because containerd's
        // shims and runc's copies of themselves live below /run.
        tmpfs: Some(HashMap::from([("/run".to_owned(), "exec,mode=755".to_owned())])),
        port_bindings: Some(HashMap::from([(container_port(), Some(vec![binding]))])),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
            maximum_retry_count: None,
        }),
        extra_hosts: Some(vec![
            "host.docker.internal:host-gateway".to_owned(),
            "host.openshell.internal:host-gateway".to_owned(),
        ]),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "10m".to_owned()),
                ("max-file".to_owned(), "3".to_owned()),
            ])),
        }),
        ..HostConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Start;
    use crate::settings::Remembered;

    #[test]
    fn the_container_is_the_golden_one() {
        let flags = Start {
            image: Some("openshell/cluster:dev".to_owned()),
            env: vec![("IMAGE_TAG".to_owned(), "1".to_owned())],
            ..Start::default()
        };
        let settings = Settings::resolve(&flags, None, Remembered::default());
        let name = "box.1".parse().unwrap();
        let body = serde_json::to_value(container(&name, &settings, None)).unwrap();
        let mut golden: serde_json::Value =
            serde_json::from_str(include_str!("../../golden/container.json")).unwrap();
        golden["Labels"][host::SETTINGS_LABEL] = settings.digest().into();
        assert_eq!(body, golden, "{body:#}");
    }

    #[test]
    fn gpus_and_limits_are_in_it_when_asked_for() {
        let flags = Start {
            gpu: Some("auto".parse().unwrap()),
            memory: Some("6g".parse().unwrap()),
            cpus: Some("1.5".parse().unwrap()),
            ..Start::default()
        };
        let settings = Settings::resolve(&flags, None, Remembered::default());
        let host = |gpus: &Access| {
            let body = container(&"box".parse().unwrap(), &settings, Some(gpus));
            assert!(body.env.unwrap().contains(&"GPU_ENABLED=true".to_owned()));
            serde_json::to_value(body.host_config.unwrap()).unwrap()
        };
        let by_runtime = host(&Access::Legacy);
        assert_eq!(
            (&by_runtime["Memory"], &by_runtime["MemorySwap"], &by_runtime["NanoCpus"]),
            (&6_442_450_944_i64.into(), &6_442_450_944_i64.into(), &1_500_000_000_i64.into())
        );
        assert_eq!(
            by_runtime["DeviceRequests"],
            serde_json::json!([
                {"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu", "utility", "compute"]]}
            ])
        );
        let by_name = host(&Access::Cdi(vec!["nvidia.com/gpu=0".to_owned()]));
        let expected = serde_json::json!([{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0"]}]);
        assert_eq!(by_name["DeviceRequests"], expected);
    }

    #[test]
    fn docker_waits_longer_than_process_1_needs() {
        let timeout = |value: Option<&str>| {
            let pair = value.map(|v| ("OPENSHELL_STOP_TIMEOUT".to_owned(), v.to_owned()));
            let flags = Start { env: pair.into_iter().collect(), ..Start::default() };
            let settings = Settings::resolve(&flags, None, Remembered::default());
            container(&"box".parse().unwrap(), &settings, None).stop_timeout.unwrap()
        };
        assert_eq!(timeout(None), 30);
        for (asked, seconds) in [("2", 2), ("60", 60), ("3600", 3600)] {
            assert_eq!(timeout(Some(asked)), seconds + i64::try_from(STOP_MARGIN).unwrap());
        }
        for malformed in ["", "soon", "1", "3601", "-5"] {
            assert_eq!(timeout(Some(malformed)), 30, "{malformed}");
        }
    }
}
