//! The gateway in the machine.

use crate::error::{Error, Result, ensure};
use crate::guest::Guest;
use openshell_contract::status::{Phase, StageState, Status};
use std::collections::BTreeMap;

/// Container, volume and network: the host command's names for its default gateway.
pub const CONTAINER: &str = "openshell-cluster-openshell";

/// The data directory of k3s, as the machine sees it.
pub const VOLUME: &str = "/var/lib/docker/volumes/openshell-cluster-openshell/_data";

/// The status document, read as a file, and without Docker's command: each start of a larger program
/// takes seconds on an emulated processor. The oldest process of the name is process 1; others are
/// health checks.
const STATUS: &str = "cat /proc/$(pgrep -o -x openshell-init)/root/run/openshell/status.json";

/// How the gateway is, if process 1 has said so.
pub fn status(guest: &mut Guest) -> Result<Option<Status>> {
    let (output, _) = guest.run(STATUS)?;
    Ok(serde_json::from_str(&output).ok())
}

/// Waits until the gateway is ready. Process 1 gives up only for what time can't mend, so that its
/// failure ends the wait.
pub fn wait_ready(guest: &mut Guest) -> Result<Status> {
    guest.wait("the gateway is ready", |guest| match status(guest)? {
        Some(status) if status.phase == Phase::Ready => Ok(Ok(status)),
        Some(status) if status.phase == Phase::Failed => Err(Error::Wrong(status.summary())),
        Some(status) => Ok(Err(format!("{}; at {}", status.summary(), running(&status)))),
        None => Ok(Err("no status".to_owned())),
    })
}

/// Waits until a stage of the start is under way or done.
pub fn wait_stage(guest: &mut Guest, stage: &str) -> Result<()> {
    guest.wait(&format!("stage {stage} has begun"), |guest| {
        let Some(status) = status(guest)? else { return Ok(Err("no status".to_owned())) };
        let begun = status.stages.iter().any(|s| s.name == stage && s.state != StageState::Waiting);
        Ok(if begun { Ok(()) } else { Err(running(&status)) })
    })
}

fn running(status: &Status) -> String {
    let running = status.stages.iter().filter(|s| s.state == StageState::Running);
    running.map(|s| format!("{} ({})", s.name, s.detail)).collect::<Vec<_>>().join(", ")
}

/// Runs `kubectl` in the container, on the gateway's namespace.
pub fn kubectl(guest: &mut Guest, args: &str) -> Result<String> {
    guest.sh(&format!("docker exec -i {CONTAINER} kubectl -n openshell {args}"))
}

/// The identity of a gateway: what must not change over any restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// SHA-256 of the data of each of our Secrets.
    pub secrets: BTreeMap<String, String>,
    /// Fingerprint of the SSH secret in the status.
    pub fingerprint: Option<String>,
    /// The CA in the status.
    pub ca: Option<String>,
}

impl Identity {
    /// That of a ready gateway. The Secrets are hashed in the machine and don't leave it.
    pub fn of(guest: &mut Guest) -> Result<Self> {
        let names = "openshell-ca openshell-server-client-ca openshell-client-tls openshell-server-tls \
            openshell-ssh-handshake";
        let lines = guest.sh(&format!(
            "set -o pipefail; docker exec {CONTAINER} kubectl -n openshell get secret {names} \
             -o go-template='{{{{range .items}}}}{{{{.metadata.name}}}} {{{{.data}}}}{{{{\"\\n\"}}}}{{{{end}}}}' |
             while read -r name data; do echo \"$name $(sha256sum <<<\"$data\")\"; done"
        ))?;
        let secrets: BTreeMap<_, _> = lines
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, hash)| (name.to_owned(), hash.trim_end_matches([' ', '-']).to_owned()))
            .collect();
        ensure(secrets.len() == 5, || format!("not five Secrets: {lines}"))?;
        let status = status(guest)?.unwrap_or_default();
        Ok(Self { secrets, fingerprint: status.ssh_fingerprint, ca: status.pki.map(|pki| pki.ca_sha256) })
    }
}

/// Adds one to the number in the gateway's database, and returns it.
pub fn count(guest: &mut Guest) -> Result<u64> {
    let answer = kubectl(guest, "exec openshell-0 -- /openshell-server counter --increment")?;
    let json: Option<serde_json::Value> = serde_json::from_str(&answer).ok();
    let counter = json.and_then(|json| json["counter"].as_u64());
    counter.ok_or_else(|| Error::Wrong(format!("no counter in: {answer}")))
}

/// Every database in the volume is whole.
pub fn databases_are_whole(guest: &mut Guest) -> Result<()> {
    let checks = guest.sh(&format!(
        "cd {VOLUME} && for db in server/db/state.db $(find storage -name '*.db'); do \
         echo \"$db $(sqlite3 -cmd '.timeout 30000' $db 'PRAGMA integrity_check')\"; done"
    ))?;
    let whole = checks.lines().count() >= 2 && checks.lines().all(|line| line.ends_with(" ok"));
    ensure(whole, || format!("databases: {checks}"))
}
