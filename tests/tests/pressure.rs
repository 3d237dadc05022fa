//! A disk that is full for long enough that kubelet acts on it.

use openshell_contract::condition::{Kind, Truth};
use openshell_e2e::disk::{self, Disk};
use openshell_e2e::snapshot::{Snapshot, counters};
use openshell_e2e::{Gateway, condition, measured, not_shown};
use std::time::{Duration, Instant};

/// From when there is room again: kubelet would wait for five minutes by itself.
const BACK: Duration = Duration::from_secs(90);

/// What is left on the disk, in bytes: enough for the database, and less than the 5 % that kubelet wants.
const SPARE: u64 = 100 << 20;

#[test]
fn what_was_evicted_for_a_full_disk_is_soon_back_once_there_is_room() {
    let Some(disk) = Disk::new("pressure") else {
        return not_shown("a disk of the gateway's own takes root, and a kernel with loop devices");
    };
    let gateway = Gateway::new("pressure");
    disk.volume(&gateway);
    let _ = gateway.start(&[]).ok();
    let (before, kept) = (Snapshot::take(&gateway), counters(&gateway, true));

    let volume = disk::mounted(&gateway).expect("a gateway that runs has its volume mounted");
    disk::fill_but(&volume, SPARE);
    gateway.wait("it is told that the node is short of room", || {
        gateway.status().is_some_and(|s| condition(&s, Kind::Resources).status == Truth::False)
    });
    disk::free(&gateway);
    let begin = Instant::now();
    gateway.wait_ready();
    measured("a disk that was full has room: ready again", begin);
    assert!(begin.elapsed() < BACK, "{:?}", begin.elapsed());

    let after = Snapshot::take(&gateway);
    assert_eq!((after.ca, after.fingerprint), (before.ca, before.fingerprint));
    let now = counters(&gateway, false);
    assert!(now.counter >= kept.counter && now.starts > kept.starts, "{kept:?} {now:?}");
}
