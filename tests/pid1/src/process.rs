use nix::unistd::Pid;
use std::fs;
use std::path::Path;

/// A process of a PID namespace, seen from outside.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its number here.
    pub outer: Pid,
    /// Its number in the namespace.
    pub inner: Pid,
    status: String,
}

impl Process {
    /// Reads `/proc/PID/status` (`proc_pid_status(5)`), if the process is still there.
    #[must_use]
    pub fn read(outer: Pid) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{outer}/status")).ok()?;
        let inner = field(&status, "NSpid")?.split_whitespace().last()?.parse().ok()?;
        Some(Self { outer, inner: Pid::from_raw(inner), status })
    }

    /// Every process whose namespace is that of `first`, without `first` itself.
    #[must_use]
    pub fn others_in_namespace_of(first: Pid) -> Vec<Self> {
        let namespace = |pid: Pid| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let Some(wanted) = namespace(first) else { return Vec::new() };
        let Ok(entries) = fs::read_dir(Path::new("/proc")) else { return Vec::new() };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().map(Pid::from_raw))
            .filter(|pid| *pid != first && namespace(*pid).as_ref() == Some(&wanted))
            .filter_map(Self::read)
            .collect()
    }

    /// A field of the status file, as it stands there.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.status, name)
    }

    /// Its name, at most 15 bytes.
    #[must_use]
    pub fn name(&self) -> &str {
        self.field("Name").unwrap_or_default()
    }

    /// It has ended and nobody has reaped it.
    #[must_use]
    pub fn is_zombie(&self) -> bool {
        self.field("State").is_some_and(|state| state.starts_with('Z'))
    }

    /// A signal set of the status file (`SigBlk`, `SigIgn`, `SigCgt`): bit `n - 1` for signal `n`.
    #[must_use]
    pub fn signals(&self, field: &str) -> u64 {
        self.field(field).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0)
    }

    /// Memory in use, in KiB.
    #[must_use]
    pub fn resident_kib(&self) -> Option<u64> {
        self.field("VmRSS")?.split_whitespace().next()?.parse().ok()
    }
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}
