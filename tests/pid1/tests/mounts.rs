//! What pods had mounted is gone after a stop, not only the processes that used it.

use nix::sys::signal::Signal;
use openshell_pid1::mountinfo;
use openshell_pid1_tests::Node;
use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A k3s that mounts what a node's pods have: a container's overlay with a volume in it, a volume with another
/// one in it, a network namespace, and a last one whose name has a space. Its own directory makes one busy.
const PODS: &str = r#"
set -e
rootfs=/run/k3s/task/a/rootfs
mkdir -p $rootfs /run/k3s/lower/etc /run/k3s/upper /run/k3s/work
mount -t overlay -o lowerdir=/run/k3s/lower,upperdir=/run/k3s/upper,workdir=/run/k3s/work overlay $rootfs
mount -t tmpfs tmpfs $rootfs/etc
volume=/var/lib/kubelet/pods/u/volumes/outer
mkdir -p $volume /run/netns "/var/lib/kubelet/with space"
mount -t tmpfs tmpfs $volume
mkdir $volume/inner
mount -t tmpfs tmpfs $volume/inner
touch /run/netns/cni-1
mount --bind /proc/self/ns/net /run/netns/cni-1
mount -t tmpfs tmpfs "/var/lib/kubelet/with space"
echo pods-mounted
cd $volume/inner
exec "$PING_PONG" obey TERM hang
"#;
const MADE: usize = 6;

/// A process of nobody's that keeps a mount namespace, so that it can be looked at when process 1 is gone.
struct Keeper(Child);

impl Keeper {
    fn of(first: nix::unistd::Pid) -> Self {
        let namespace = format!("--mount=/proc/{first}/ns/mnt");
        Self(
            Command::new("nsenter")
                .args([&namespace, "sleep", "1000"])
                .spawn()
                .expect("nsenter (util-linux)"),
        )
    }

    /// The mount points below the directories that a stop cleans.
    fn pods_mounts(&self) -> Vec<String> {
        let table = fs::read(format!("/proc/{}/mountinfo", self.0.id())).expect("the keeper lives");
        let points = mountinfo::parse(table).into_iter().map(|mount| mount.point.display().to_string());
        let below = ["/run/k3s/", "/var/lib/kubelet/", "/run/netns/", "/var/lib/rancher/k3s/"];
        points.filter(|point| below.iter().any(|dir| point.starts_with(dir))).collect()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn nothing_that_pods_had_mounted_outlives_a_stop() {
    for deaf in [false, true] {
        let script = if deaf { PODS.replace("obey TERM", "count TERM") } else { PODS.to_owned() };
        let node = Node::new(&script).env("OPENSHELL_STOP_TIMEOUT", "4");
        let mut namespace = node.up();
        namespace.line("pods-mounted");
        let keeper = Keeper::of(namespace.first());
        openshell_pid1_tests::eventually("the keeper is inside", || {
            (keeper.pods_mounts().len() == MADE).then_some(())
        });
        let begin = Instant::now();
        namespace.signal(Signal::SIGTERM);
        let ended = namespace.ended();
        assert_eq!(ended.code, 0, "{:#?}", ended.lines);
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        assert_eq!(keeper.pods_mounts(), Vec::<String>::new(), "{:#?}", ended.lines);
        let told = format!("stop: unmount done: {MADE} mounts ended, 0 busy");
        assert!(ended.lines.iter().any(|line| line.contains(&told)), "{:#?}", ended.lines);
        // What Docker mounted is not theirs to end.
        let table = fs::read(format!("/proc/{}/mountinfo", keeper.0.id())).unwrap();
        assert!(mountinfo::on(&mountinfo::parse(table), "/var/lib/rancher/k3s".as_ref()).is_some());
    }
}
