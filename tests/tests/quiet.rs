//! A gateway that has nothing to do costs next to nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_e2e::Gateway;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// What process 1 of a ready gateway may take up.
const RESIDENT_KIB: u64 = 10 * 1024;
/// How long is looked, and how often it may be put on a processor meanwhile. Twice a second is usual: Docker's
/// health checks, those of k3s, and a pass over everything.
const LOOK: Duration = Duration::from_secs(30);
const SWITCHES: u64 = 5 * LOOK.as_secs();

#[test]
fn process_1_of_a_ready_gateway_is_small_and_quiet() {
    let gateway = Gateway::new("quiet");
    let _ = gateway.start(&[]).ok();
    // The CLI's start follows the status, and what came of the start is written out after it.
    gateway.wait_ready();
    let process = PathBuf::from("/proc").join(gateway.inspect("{{.State.Pid}}"));
    let before = switches(&process);
    // The time is what is measured over here, not a condition.
    std::thread::sleep(LOOK);
    let switches = switches(&process) - before;
    let resident = number(&fs::read_to_string(process.join("status")).unwrap(), "VmRSS:");
    let line = format!("measured: {resident} KiB resident, {switches} context switches in {LOOK:?}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(resident <= RESIDENT_KIB, "{line}");
    assert!(switches <= SWITCHES, "{line}");
}

/// How often its threads were put on a processor (`proc_pid_status(5)`).
fn switches(process: &std::path::Path) -> u64 {
    let threads = fs::read_dir(process.join("task")).unwrap();
    let statuses = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).unwrap());
    statuses.map(|status| number(&status, "\nvoluntary_ctxt_switches:")).sum()
}

fn number(status: &str, field: &str) -> u64 {
    let (_, rest) = status.split_once(field).unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}
