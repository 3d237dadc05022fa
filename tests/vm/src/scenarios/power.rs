//! The power goes, or the machine restarts: Docker's restart policy alone brings the gateway back.

use super::Lab;
use crate::error::{Result, ensure};
use crate::gateway::{self, CONTAINER, Identity, VOLUME};

/// Objects that the API has confirmed, and that are on the disk, before the power goes.
const WRITTEN: usize = 40;
/// Objects that the API has confirmed after these. k3s's database is flushed when its log is taken over, not
/// at each commit (`SQLITE_DEFAULT_WAL_SYNCHRONOUS=1` in go-sqlite3), so nobody promises them.
const CONFIRMED: usize = 20;

pub fn cut_while_k3s_starts_for_the_first_time(lab: &mut Lab) -> Result<String> {
    start_until_the_node_is_known(lab)?;
    lab.guest.cut_power()?;
    let torn = lab.guest.sh(&format!("find {VOLUME}/server {VOLUME}/openshell -type f -empty | wc -l"))?;
    Ok(format!("{} empty files in the volume after it", torn.trim()))
}

/// The databases of k3s and of containerd know of files that the disk has not got: the worst that is left.
pub fn cut_with_a_flushed_database(lab: &mut Lab) -> Result<String> {
    start_until_the_node_is_known(lab)?;
    lab.guest.sh(&format!("sync {VOLUME}/server/db/state.db {VOLUME}/server/db/state.db-wal"))?;
    lab.guest.cut_power()?;
    let torn = lab.guest.sh(&format!("find {VOLUME}/agent/containerd -type f -empty | wc -l"))?;
    let status = gateway::wait_ready(&mut lab.guest)?;
    Ok(format!("{} empty files of containerd's after it, {}", torn.trim(), told(&status)))
}

/// Certificates and the node's password are files that have just been written, and so are images.
fn start_until_the_node_is_known(lab: &mut Lab) -> Result<()> {
    lab.guest.sh("openshell gateway start --image openshell/cluster:vm --no-wait")?;
    let known = "SELECT name FROM kine WHERE name LIKE '/registry/secrets/kube-system/%.node-password.k3s'";
    lab.guest
        .wait_sh(
            "the cluster knows the node's password",
            &format!("sqlite3 -readonly {VOLUME}/server/db/state.db \"{known}\" | grep ."),
        )
        .map(drop)
}

pub fn cut_while_the_chart_is_deployed_for_the_first_time(lab: &mut Lab) -> Result<String> {
    gateway::wait_stage(&mut lab.guest, "chart")?;
    lab.guest.wait_sh(
        "Helm has written its release",
        &format!("docker exec {CONTAINER} kubectl -n openshell get secret -o name | grep sh.helm.release"),
    )?;
    lab.guest.cut_power()?;
    let status = gateway::wait_ready(&mut lab.guest)?;
    lab.identity = Some(Identity::of(&mut lab.guest)?);
    lab.counter = gateway::count(&mut lab.guest)?;
    gateway::databases_are_whole(&mut lab.guest)?;
    Ok(told(&status))
}

pub fn cut_during_writes(lab: &mut Lab) -> Result<String> {
    lab.guest.sh(&format!(
        "systemd-run --quiet --unit=writer bash -c 'for i in $(seq 100000); do \
           echo \"{{\\\"apiVersion\\\":\\\"v1\\\",\\\"kind\\\":\\\"ConfigMap\\\",\\\"metadata\\\":{{\\\"name\\\":\\\"w$i\\\"}}}}\"; done | \
         docker exec -i {CONTAINER} kubectl -n openshell create -f - >/var/tmp/written'"
    ))?;
    let count = "wc -l </var/tmp/written";
    lab.guest.wait_sh("objects are being written", &format!("(($({count}) >= {WRITTEN}))"))?;
    let synced: usize = lab.guest.sh(&format!("{count}; sync"))?.trim().parse().unwrap_or(0);
    let more = synced + CONFIRMED;
    lab.guest.wait_sh("more objects are being written", &format!("(($({count}) >= {more}))"))?;
    lab.guest.cut_power()?;
    let told = back_as_before(lab)?;
    let kept = gateway::kubectl(&mut lab.guest, "get configmap -o name | grep -c /w || true")?;
    let kept: usize = kept.trim().parse().unwrap_or(0);
    ensure(kept >= synced, || format!("{kept} objects are left of {synced} that had been written out"))?;
    Ok(format!("{told}, {synced} objects were written out, {kept} kept of at least {more} confirmed"))
}

pub fn cut_when_idle(lab: &mut Lab) -> Result<String> {
    lab.guest.cut_power()?;
    back_as_before(lab)
}

pub fn reboot(lab: &mut Lab) -> Result<String> {
    lab.guest.reboot()?;
    back_as_before(lab)
}

/// Nobody does anything: the gateway becomes ready, the same that it was.
fn back_as_before(lab: &mut Lab) -> Result<String> {
    let status = gateway::wait_ready(&mut lab.guest)?;
    let identity = Identity::of(&mut lab.guest)?;
    ensure(lab.identity.as_ref() == Some(&identity), || {
        format!("the gateway is another one: {:?}, then {identity:?}", lab.identity)
    })?;
    let counter = gateway::count(&mut lab.guest)?;
    ensure(counter > lab.counter, || format!("the counter went from {} to {counter}", lab.counter))?;
    lab.counter = counter;
    gateway::databases_are_whole(&mut lab.guest)?;
    Ok(told(&status))
}

fn told(status: &openshell_contract::status::Status) -> String {
    let seconds = status.ready_after_ms.unwrap_or(0) / 1000;
    let boot = status.boot.map(|boot| format!("{boot:?}")).unwrap_or_default();
    format!("{boot}, ready after {seconds} s, k3s restarts {}", status.k3s.restarts)
}
