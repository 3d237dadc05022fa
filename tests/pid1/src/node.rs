//! `openshell-init` as process 1 of something that looks like the cluster image: a volume, a k3s that is
//! a script, an uplink that leads nowhere. What needs a cluster is not there.

use crate::{Builder, Namespace, PATIENCE, eventually, program};
use nix::sys::signal::Signal;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes the surroundings and becomes the program. Its first word is the directory that they are made of.
const SURROUNDINGS: &str = r#"
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work
mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work overlay /etc
mount -t overlay -o "lowerdir=$0/bin:/usr/bin" overlay /usr/bin
mount --bind "$0/opt" /opt
mount -t tmpfs tmpfs /var/lib
mkdir -p /var/lib/rancher/k3s
mount --bind "$0/volume" /var/lib/rancher/k3s
if [ -n "$FULL_VOLUME" ]; then
  mount -t tmpfs -o size=80m tmpfs /var/lib/rancher/k3s
  mkdir /var/lib/rancher/k3s/server
  cat /dev/zero >/var/lib/rancher/k3s/server/fill 2>/dev/null || true
fi
hostname gateway
ip link set lo up
ip link add eth0 type veth peer name host0
ip address add 192.0.2.2/24 dev eth0
ip link set host0 up
ip link set eth0 up
[ -n "$NO_ROUTE" ] || ip route add default via 192.0.2.1
exec "$@"
"#;

/// A machine for `openshell-init boot`, and a volume that outlives its runs.
#[derive(Debug)]
pub struct Node {
    dir: tempfile::TempDir,
    program: PathBuf,
    variables: Vec<(String, String)>,
}

impl Node {
    /// A node whose k3s is the shell script `k3s`. `$PING_PONG` in it is the program of that name.
    ///
    /// # Panics
    /// The system refuses.
    #[must_use]
    pub fn new(k3s: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        for part in ["bin", "volume", "opt/openshell"] {
            fs::create_dir_all(dir.path().join(part)).expect("its parts");
        }
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../helm");
        let copied =
            Command::new("cp").arg("-r").arg(chart).arg(dir.path().join("opt/openshell/charts")).status();
        assert!(copied.expect("cp (coreutils) runs").success(), "the chart is copied");
        let node = Self { dir, program: program("openshell-init"), variables: Vec::new() };
        node.replace_k3s(k3s);
        node
    }

    /// Gives it another k3s, for runs to come.
    ///
    /// # Panics
    /// The system refuses.
    pub fn replace_k3s(&self, script: &str) {
        let file = self.dir.path().join("bin/k3s");
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a script");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("executable");
    }

    /// The script of its k3s.
    #[must_use]
    pub fn k3s(&self) -> PathBuf {
        self.dir.path().join("bin/k3s")
    }

    /// Gives it a program of its own, which can be replaced.
    ///
    /// # Panics
    /// The system refuses.
    #[must_use]
    pub fn with_own_program(mut self) -> Self {
        let own = self.dir.path().join("openshell-init");
        fs::copy(program("openshell-init"), &own).expect("a copy");
        self.program = own;
        self
    }

    /// Puts a script in the place of its program.
    ///
    /// # Panics
    /// The system refuses.
    pub fn install(&self, script: &str) {
        // Beside it and renamed: a program that runs can't be written to (`execve(2)`, ETXTBSY).
        let beside = self.program.with_extension("new");
        fs::write(&beside, script).expect("a script");
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).expect("executable");
        fs::rename(&beside, &self.program).expect("in place");
    }

    /// Its program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A file in its volume.
    #[must_use]
    pub fn in_volume(&self, file: &str) -> PathBuf {
        self.dir.path().join("volume").join(file)
    }

    /// Sets an environment variable of runs to come.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What shall be started.
    #[must_use]
    pub fn boot(&self) -> Builder {
        let root = self.dir.path().display().to_string();
        let through = ["unshare", "--net", "--uts", "sh", "-ec", SURROUNDINGS, root.as_str()];
        let boot = Builder::new(self.program.clone()).args(["boot"]).through(through);
        let boot = boot.env("PING_PONG", program("ping-pong"));
        self.variables.iter().fold(boot, |boot, (name, value)| boot.env(name, value))
    }

    /// Starts it and waits until k3s has begun.
    ///
    /// # Panics
    /// It doesn't.
    #[must_use]
    pub fn up(&self) -> Namespace {
        let namespace = self.boot().ready();
        namespace.until_status("k3s has begun", |status| status.contains(r#""pid":"#));
        namespace
    }
}

impl Namespace {
    /// The status document, when there is one.
    #[must_use]
    pub fn document(&self) -> Option<String> {
        fs::read_to_string(format!("/proc/{}/root/run/openshell/status.json", self.first())).ok()
    }

    /// Waits until the status document is so.
    ///
    /// # Panics
    /// It is not within [`PATIENCE`].
    pub fn until_status(&self, what: &str, so: impl Fn(&str) -> bool) -> String {
        let mut last = None;
        let deadline = std::time::Instant::now() + PATIENCE;
        eventually(what, || {
            last = self.document().or(last.take());
            assert!(std::time::Instant::now() < deadline, "gave up waiting until {what}: {last:?}");
            last.clone().filter(|status| so(status))
        })
    }

    /// Asks it to stop, and expects a clean end.
    ///
    /// # Panics
    /// It ends otherwise.
    pub fn stops_cleanly(self, when: impl Debug) -> Vec<String> {
        self.signal(Signal::SIGTERM);
        let ended = self.ended();
        assert_eq!(ended.code, 0, "{when:?}: {:#?}", ended.lines);
        ended.lines
    }
}
