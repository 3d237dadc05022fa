//! What a gateway needs of Docker, judged by what Docker says of itself.

use crate::error::Error;
use crate::machine::{Cdi, Machine};
use bollard::models::{SystemInfo, SystemInfoCgroupVersionEnum, SystemVersion};
use serde::Serialize;

/// Memory below which a gateway is known to be killed, in bytes (4 GB, less what firmware takes).
const MEMORY: i64 = 3_700_000_000;
/// First kernel that Kubernetes supports cgroup v2 on (kubernetes.io, "About cgroup v2").
const CGROUP_2_KERNEL: (u32, u32) = (5, 8);
/// The oldest API that has everything that is asked for.
const API: (u32, u32) = (1, 41);

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) level: Level,
    /// What there is.
    pub(super) found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) remedies: Vec<String>,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// A gateway runs, with some loss.
    Warning,
    /// No gateway runs.
    Failed,
}

impl Check {
    pub(super) const fn ok(name: &'static str, found: String) -> Self {
        Self { name, level: Level::Ok, found, remedies: Vec::new() }
    }

    pub(super) fn bad(name: &'static str, level: Level, found: String, remedy: &str) -> Self {
        Self { name, level, found, remedies: vec![remedy.to_owned()] }
    }
}

/// What keeps a command from going on.
pub(super) fn of_error(error: &Error) -> Check {
    let name = if matches!(error, Error::Conflict { .. }) { "Names and port" } else { "Docker" };
    let found = std::iter::once(error.to_string()).chain(error.causes()).collect::<Vec<_>>().join(": ");
    let found = format!("{found} [{}]", error.id());
    Check { name, level: Level::Failed, found, remedies: error.hints() }
}

pub(super) fn of_docker(version: &SystemVersion, info: &SystemInfo) -> Vec<Check> {
    vec![api(version), rootful(info), cgroup(info), storage(info), memory(info), processors(info)]
}

fn api(version: &SystemVersion) -> Check {
    let api = version.api_version.as_deref().unwrap_or_default();
    let found = format!("version {}, API {api}", version.version.as_deref().unwrap_or("?"));
    if numbers(api) < API {
        return Check::bad("Docker", Level::Failed, found, "update Docker to 20.10 or later");
    }
    Check::ok("Docker", found)
}

fn rootful(info: &SystemInfo) -> Check {
    let options = info.security_options.iter().flatten();
    let (mut rootless, mut remapped) = (false, false);
    for option in options {
        rootless |= option.contains("name=rootless");
        remapped |= option.contains("name=userns");
    }
    match (rootless, remapped) {
        (true, _) => Check::bad(
            "Privileges",
            Level::Failed,
            "Docker is rootless, and a node needs the kernel's own root".to_owned(),
            "point DOCKER_HOST at a Docker that runs as root",
        ),
        (_, true) => Check::bad(
            "Privileges",
            Level::Failed,
            "Docker maps users (userns-remap), which excludes privileged containers".to_owned(),
            "take userns-remap out of /etc/docker/daemon.json and restart Docker",
        ),
        _ => Check::ok("Privileges", "Docker runs as root".to_owned()),
    }
}

fn cgroup(info: &SystemInfo) -> Check {
    let kernel = info.kernel_version.clone().unwrap_or_default();
    let second = info.cgroup_version == Some(SystemInfoCgroupVersionEnum::_2);
    let found = format!("cgroup v{}, kernel {kernel}", if second { 2 } else { 1 });
    if !second {
        let remedy = "boot with systemd.unified_cgroup_hierarchy=1: Kubernetes is giving cgroup v1 up";
        return Check::bad("Kernel", Level::Warning, found, remedy);
    }
    if numbers(&kernel) < CGROUP_2_KERNEL {
        return Check::bad("Kernel", Level::Warning, found, "update the kernel to 5.8 or later");
    }
    Check::ok("Kernel", found)
}

fn storage(info: &SystemInfo) -> Check {
    let driver = info.driver.clone().unwrap_or_default();
    match driver.as_str() {
        "vfs" => {
            let remedy = "let Docker use overlay2: each layer is a full copy now";
            Check::bad("Storage", Level::Warning, driver, remedy)
        }
        _ => Check::ok("Storage", driver),
    }
}

fn memory(info: &SystemInfo) -> Check {
    let bytes = info.mem_total.unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "one decimal of a GB is shown")]
    let found = format!("{:.1} GB", bytes as f64 / 1e9);
    if bytes < MEMORY {
        return Check::bad("Memory", Level::Warning, found, "give Docker 4 GB or more");
    }
    Check::ok("Memory", found)
}

fn processors(info: &SystemInfo) -> Check {
    let count = info.ncpu.unwrap_or_default();
    if count < 2 {
        return Check::bad("Processors", Level::Warning, count.to_string(), "give Docker 2 or more");
    }
    Check::ok("Processors", count.to_string())
}

/// No gateway needs one, so that none is as good as one.
pub(super) fn gpus(machine: &Machine) -> Check {
    let found = match (&machine.cdi, machine.nvidia_runtime) {
        (Cdi::Devices(names), _) if !names.is_empty() => names.join(", "),
        (_, true) => "by the runtime \"nvidia\"".to_owned(),
        (Cdi::Unknown, false) => "Docker is too old to tell which CDI devices there are".to_owned(),
        (Cdi::Off | Cdi::Devices(_), false) => "none, and --gpu would be refused".to_owned(),
    };
    Check::ok("GPU", found)
}

/// The first two numbers of a version.
pub(super) fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or_default());
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// For people.
pub(super) fn text(checks: &[Check]) -> String {
    let mut lines = vec!["Checking system prerequisites...".to_owned()];
    for check in checks {
        let level = match check.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Failed => "FAILED",
        };
        let dots = ".".repeat(18_usize.saturating_sub(check.name.len()));
        lines.push(format!("{} {dots} {level} ({})", check.name, check.found));
        lines.extend(check.remedies.iter().map(|remedy| format!("  hint: {remedy}")));
    }
    let count = |level| checks.iter().filter(|c| c.level == level).count();
    lines.push(match (count(Level::Failed), count(Level::Warning)) {
        (0, 0) => "All checks passed.".to_owned(),
        (0, warnings) => format!("All checks passed, {warnings} with a warning."),
        (failed, _) => format!("{failed} of {} checks failed.", checks.len()),
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> (SystemVersion, SystemInfo) {
        let version = SystemVersion {
            version: Some("29.0.1".to_owned()),
            api_version: Some("1.52".to_owned()),
            ..SystemVersion::default()
        };
        let info = SystemInfo {
            security_options: Some(vec!["name=seccomp,profile=builtin".to_owned()]),
            cgroup_version: Some(SystemInfoCgroupVersionEnum::_2),
            kernel_version: Some("6.1.0-40-amd64".to_owned()),
            driver: Some("overlay2".to_owned()),
            mem_total: Some(16_000_000_000),
            ncpu: Some(8),
            ..SystemInfo::default()
        };
        (version, info)
    }

    #[test]
    fn a_good_machine_and_a_bad_one() {
        let (version, info) = good();
        let mut shown = vec![text(&of_docker(&version, &info))];
        let version = SystemVersion { api_version: Some("1.40".to_owned()), ..version };
        let info = SystemInfo {
            security_options: Some(vec!["name=rootless".to_owned()]),
            cgroup_version: Some(SystemInfoCgroupVersionEnum::_1),
            driver: Some("vfs".to_owned()),
            mem_total: Some(2_000_000_000),
            ncpu: Some(1),
            ..info
        };
        shown.push(text(&of_docker(&version, &info)));
        let nobody =
            Error::DockerUnavailable { host: "unix:///x".into(), cause: "refused".into(), others: vec![] };
        shown.push(text(&[of_error(&nobody)]));
        let devices = Machine { cdi: Cdi::Devices(vec!["nvidia.com/gpu=0".into()]), ..Machine::default() };
        let runtime = Machine { nvidia_runtime: true, ..Machine::default() };
        shown.push(text(&[devices, runtime, Machine::default()].map(|machine| gpus(&machine))));
        insta::assert_snapshot!(shown.join("\n\n"));
    }

    #[test]
    fn versions_are_numbers() {
        assert_eq!(numbers("5.10.0-1-amd64"), (5, 10));
        assert!(numbers("1.9") < numbers("1.41"));
        assert_eq!(numbers(""), (0, 0));
    }
}
