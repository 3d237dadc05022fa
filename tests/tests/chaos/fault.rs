//! What is done to a gateway.

use crate::{clock, container, disk, files, machine, network};
use openshell_e2e::Gateway;
use openshell_e2e::disk::Disk;
use rand::RngExt;
use rand::rngs::StdRng;

const SECRETS: [&str; 5] = [
    "openshell-ca",
    "openshell-client-tls",
    "openshell-server-client-ca",
    "openshell-server-tls",
    "openshell-ssh-handshake",
];
const PARTS: [&str; 3] = ["k3s", "containerd", "containerd-shim"];

/// One disturbance.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Process 1 is killed; Docker's restart policy starts the container again.
    Init,
    /// The container is killed by Docker, which then doesn't start it, and somebody does.
    Kill,
    /// Docker restarts the container.
    Restart,
    /// Another program takes the place of process 1.
    Replace,
    /// The container is removed; somebody starts the gateway.
    Remove,
    /// The container's network is removed with it.
    Network,
    /// The container's network is taken from it for so many milliseconds.
    Unplug(u64),
    /// The loopback, and with it the API, carries so many kilobits a second for so many milliseconds.
    Slow { kbit: u64, ms: u64 },
    /// A process in the container is killed.
    Process(&'static str),
    /// k3s stands still for so many milliseconds.
    Freeze(u64),
    /// The container may use no more than about so many MiB above what it uses, for so many milliseconds.
    Memory { spare: u64, ms: u64 },
    /// The Docker daemon is killed and started, and then the container, which it stops meanwhile.
    Daemon,
    /// A Secret is deleted.
    DeleteSecret(&'static str),
    /// Certificate and key of the gateway are overwritten by somebody.
    Garbage,
    /// The gateway's `StatefulSet` is deleted, with its pod.
    DeleteWorkload,
    /// One of our files in the volume, somewhere in it, is cut off or has another bit; then process 1 is killed.
    Damage { file: usize, place: usize, cut: bool },
    /// The volume is full for so many milliseconds, and process 1 is killed or not.
    Full { ms: u64, kill: bool },
    /// The volume's file system finds an error and refuses writes; after so many milliseconds somebody restarts it.
    ReadOnly(u64),
    /// Nothing can be written to the volume for so many milliseconds: whoever tries waits.
    Stall(u64),
    /// Process 1 is gone at an edge of a stage of the next start.
    Crash { stage: usize, end: bool, kill: bool },
    /// The clock is so many days off, for process 1, which is started again meanwhile or not.
    Clock { days: i64, restart: bool },
}

/// What a kind of fault takes, besides a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// A Docker daemon that nobody else needs.
    Daemon,
    /// A volume on a disk of its own.
    Disk,
    /// An image with fault points.
    Points,
}

/// A kind of fault.
pub(crate) struct Kind {
    /// Its name.
    pub(crate) name: &'static str,
    needs: Needs,
    /// One of the kind.
    pub(crate) make: fn(&mut StdRng) -> Fault,
}

const fn kind(name: &'static str, needs: Needs, make: fn(&mut StdRng) -> Fault) -> Kind {
    Kind { name, needs, make }
}

/// All of them.
pub(crate) const KINDS: &[Kind] = &[
    kind("init killed", Needs::Nothing, |_| Fault::Init),
    kind("container killed", Needs::Nothing, |_| Fault::Kill),
    kind("container restarted", Needs::Nothing, |_| Fault::Restart),
    kind("init replaced", Needs::Nothing, |_| Fault::Replace),
    kind("container removed", Needs::Nothing, |_| Fault::Remove),
    kind("network removed", Needs::Nothing, |_| Fault::Network),
    kind("network unplugged", Needs::Nothing, |dice| Fault::Unplug(dice.random_range(100..8_000))),
    kind("slow API", Needs::Nothing, |dice| Fault::Slow {
        kbit: dice.random_range(100..2_000),
        ms: dice.random_range(1_000..12_000),
    }),
    kind("process killed", Needs::Nothing, |dice| Fault::Process(PARTS[dice.random_range(0..PARTS.len())])),
    kind("k3s frozen", Needs::Nothing, |dice| Fault::Freeze(dice.random_range(500..8_000))),
    kind("memory limit", Needs::Nothing, |dice| Fault::Memory {
        spare: dice.random_range(0..64),
        ms: dice.random_range(1_000..10_000),
    }),
    kind("daemon killed", Needs::Daemon, |_| Fault::Daemon),
    kind("Secret deleted", Needs::Nothing, |dice| {
        Fault::DeleteSecret(SECRETS[dice.random_range(0..SECRETS.len())])
    }),
    kind("certificate overwritten", Needs::Nothing, |_| Fault::Garbage),
    kind("workload deleted", Needs::Nothing, |_| Fault::DeleteWorkload),
    kind("file damaged", Needs::Nothing, |dice| Fault::Damage {
        file: dice.random_range(0..1_000),
        place: dice.random_range(0..1_000_000),
        cut: dice.random(),
    }),
    kind("disk full", Needs::Disk, |dice| Fault::Full {
        // Kubelet, which takes pods away, looks each ten seconds.
        ms: dice.random_range(500..20_000),
        kill: dice.random(),
    }),
    kind("disk read-only", Needs::Disk, |dice| Fault::ReadOnly(dice.random_range(500..8_000))),
    kind("disk stalled", Needs::Disk, |dice| Fault::Stall(dice.random_range(500..15_000))),
    kind("crash at a stage", Needs::Points, |dice| Fault::Crash {
        stage: dice.random_range(0..1_000),
        end: dice.random(),
        kill: dice.random(),
    }),
    kind("clock wrong", Needs::Points, |dice| {
        let days = [-4_000, -400, -40, -1, 1, 40, 400, 4_000];
        Fault::Clock { days: days[dice.random_range(0..days.len())], restart: dice.random() }
    }),
];

/// What the machine and the image allow.
pub(crate) struct Powers {
    /// The volume's own disk.
    pub(crate) disk: Option<Disk>,
    /// Whether the Docker daemon may be killed.
    daemon: bool,
    /// Whether the image has fault points.
    points: bool,
}

impl Powers {
    /// What there is, and what the environment says.
    pub(crate) fn find() -> Self {
        let is_set = |name: &str| std::env::var(name).is_ok_and(|value| value == "1");
        Self {
            disk: is_set("OPENSHELL_CHAOS_DISK").then(|| Disk::new("chaos")).flatten(),
            daemon: is_set("OPENSHELL_CHAOS_DAEMON"),
            points: is_set("OPENSHELL_CHAOS_POINTS"),
        }
    }

    /// Whether faults of this kind can be done.
    pub(crate) const fn suffice(&self, kind: &Kind) -> bool {
        match kind.needs {
            Needs::Nothing => true,
            Needs::Daemon => self.daemon,
            Needs::Disk => self.disk.is_some(),
            Needs::Points => self.points,
        }
    }
}

impl Fault {
    /// Does it. That it can't be done in the middle of another one (no API, no container) is a fault as well.
    pub(crate) fn strike(&self, gateway: &Gateway, powers: &Powers) {
        match *self {
            Self::Init => container::kill_init(gateway),
            Self::Kill => container::kill(gateway),
            Self::Restart => container::restart(gateway),
            Self::Replace => drop(gateway.exec(&["openshell-init", "replace"])),
            Self::Remove => container::remove(gateway),
            Self::Network => network::remove(gateway),
            Self::Unplug(ms) => network::unplug(gateway, ms),
            Self::Slow { kbit, ms } => network::slow(gateway, kbit, ms),
            Self::Process(name) => container::kill_process(gateway, name),
            Self::Freeze(ms) => container::freeze(gateway, ms),
            Self::Memory { spare, ms } => container::squeeze(gateway, spare, ms),
            Self::Daemon => machine::kill_daemon(gateway),
            Self::DeleteSecret(name) => drop(gateway.kubectl(&["delete", "secret", name], "")),
            Self::Garbage => {
                let patch = r#"{"data":{"tls.crt":"Z2FyYmFnZQ==","tls.key":"Z2FyYmFnZQ=="}}"#;
                let _ = gateway.kubectl(&["patch", "secret", "openshell-server-tls", "-p", patch], "");
            }
            Self::DeleteWorkload => drop(gateway.kubectl(&["delete", "statefulset", "openshell"], "")),
            Self::Damage { file, place, cut } => files::damage(gateway, file, place, cut),
            Self::Full { ms, kill } => disk::full(gateway, ms, kill),
            Self::ReadOnly(ms) => powers.disk.iter().for_each(|disk| disk::read_only(disk, gateway, ms)),
            Self::Stall(ms) => disk::stall(gateway, ms),
            Self::Crash { stage, end, kill } => container::crash(gateway, stage, end, kill),
            Self::Clock { days, restart } => clock::set_wrong(gateway, days, restart),
        }
    }
}
