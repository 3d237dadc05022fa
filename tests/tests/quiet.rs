//! A gateway that has nothing to do costs next to nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_e2e::Gateway;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What process 1 of a ready gateway may take up.
const RESIDENT_KIB: u64 = 10 * 1024;
/// How long is looked: two passes over everything, and twelve health checks by Docker.
const LOOK: Duration = Duration::from_mins(1);
const CHECKS: u64 = 12;
/// How often it may be put on a processor meanwhile, by what it does unasked: once a second. Asked are Docker's health
/// checks, and what k3s says, which is passed on: how much that is, is k3s's affair.
const SWITCHES: u64 = LOOK.as_secs();
/// And for one health check: to accept and to read, and for what comes in between.
const PER_CHECK: u64 = 4;
/// Health checks by which the share of one is found out.
const SAMPLE: u64 = 20;

#[test]
fn process_1_of_a_ready_gateway_is_small_and_quiet() {
    let gateway = Gateway::new("quiet");
    let _ = gateway.start(&[]).ok();
    // The CLI's start follows the status, and what came of the start is written out after it.
    gateway.wait_ready();
    let process = PathBuf::from("/proc").join(gateway.inspect("{{.State.Pid}}"));

    let checks = format!("for i in $(seq {SAMPLE}); do openshell-init health >/dev/null || exit 1; done");
    let before = own(&threads(&process));
    let _ = gateway.exec(&["sh", "-c", &checks]).ok();
    let per_check = (own(&threads(&process)) - before).div_ceil(SAMPLE);

    // The passes over everything are counted from this one.
    let _ = gateway.exec(&["openshell-init", "look"]).ok();
    let before = threads(&process);
    // The time is what is measured over here, not a condition.
    std::thread::sleep(LOOK);
    let after = threads(&process);
    let unasked = (own(&after) - own(&before)).saturating_sub(CHECKS * per_check);
    let resident = number(&fs::read_to_string(process.join("status")).unwrap(), "VmRSS:");
    let by_thread: BTreeMap<_, _> =
        after.iter().map(|(name, count)| (name, count - before.get(name).unwrap_or(&0))).collect();
    let line = format!(
        "measured: {resident} KiB resident, {unasked} wake-ups in {LOOK:?} unasked, {per_check} for a health check; \
         by thread {by_thread:?}\n"
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(resident <= RESIDENT_KIB, "{line}");
    assert!(per_check <= PER_CHECK, "{line}");
    assert!(unasked <= SWITCHES, "{line}");
}

/// How often each of its threads gave up the processor, and thus was put on it again (`proc_pid_status(5)`).
fn threads(process: &Path) -> BTreeMap<String, u64> {
    let threads = fs::read_dir(process.join("task")).unwrap();
    let counted = threads.map(|thread| {
        let thread = thread.unwrap();
        let status = fs::read_to_string(thread.path().join("status")).unwrap();
        let name = status.lines().next().unwrap_or_default().trim_start_matches("Name:").trim();
        let id = thread.file_name().into_string().unwrap();
        (format!("{name} {id}"), number(&status, "\nvoluntary_ctxt_switches:"))
    });
    counted.collect()
}

/// Of those threads that don't pass on what k3s says.
fn own(threads: &BTreeMap<String, u64>) -> u64 {
    let own = |name: &str| !name.starts_with("k3s-") && !name.starts_with("log ");
    threads.iter().filter(|(name, _)| own(name)).map(|(_, count)| count).sum()
}

fn number(status: &str, field: &str) -> u64 {
    let (_, rest) = status.split_once(field).unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}
