//! What process 1 says while it waits, and how little it does when there is nothing to do.

use openshell_pid1_tests::{Namespace, Node};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const WELL: &str = r#"exec "$PING_PONG" count TERM obey TERM say k3s-runs hang"#;
/// How long an idle one is watched, in seconds.
const IDLE: u64 = 10;
/// Its watchdog calls its main loop once a second in a build for tests, and fifteen times less often in one for use:
/// each of the two wakes up for that, and now and then one for the other's lock.
const TICKS: u64 = 3;

#[test]
fn a_long_wait_says_in_the_log_for_what() {
    let node = Node::new(WELL);
    let mut namespace = node.up();
    for seconds in [5, 10] {
        let line = namespace.line(&format!("still waiting after {seconds} s: "));
        assert!(
            line.contains("k3s has written no kubeconfig yet") && line.contains(r#"stage="api""#),
            "{line}"
        );
    }
    namespace.stops_cleanly("while it waits");
}

fn number(text: &str) -> u64 {
    text.trim().parse().expect("the kernel writes a number")
}

/// Times that one of its threads gave up its processor, and was put on one again.
fn wakes(namespace: &Namespace) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", namespace.first())).expect("its threads");
    let of_task = |status: String| -> u64 {
        let switches = status.lines().filter_map(|line| {
            let (name, count) = line.split_once(':')?;
            (name == "voluntary_ctxt_switches").then(|| number(count))
        });
        switches.sum()
    };
    tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok()).map(of_task).sum()
}

#[test]
fn with_nothing_to_do_it_wakes_up_for_its_ticks_alone_and_writes_nothing() {
    // It has given up, and stays to tell.
    let node = Node::new(WELL);
    fs::set_permissions(node.k3s(), fs::Permissions::from_mode(0o644)).unwrap();
    let namespace = node.boot().ready();
    namespace.until_status("the failure", |s| s.contains(r#""phase":"failed""#));
    // Bytes that were given to a disk (`proc_pid_io(5)`): the status file lies in memory.
    let written = || {
        let io = fs::read_to_string(format!("/proc/{}/io", namespace.first())).unwrap();
        number(io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap())
    };
    let (before, writes) = (wakes(&namespace), written());
    // Nothing is waited for: the time itself is what is measured.
    std::thread::sleep(Duration::from_secs(IDLE));
    let (woken, written) = (wakes(&namespace) - before, written() - writes);
    // One call more may fall into the time.
    assert!(woken <= TICKS * (IDLE + 1), "{woken} wake-ups in {IDLE} s");
    assert_eq!(written, 0, "bytes written in {IDLE} s");
    namespace.stops_cleanly("idle");
}
