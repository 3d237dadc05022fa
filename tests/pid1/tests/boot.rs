//! `openshell-init boot` as a real process 1: what it does when it is stopped, killed, or broken at any step
//! of a start, and when k3s misbehaves.

use nix::sys::signal::{Signal, kill};
use openshell_pid1_tests::{Node, Process, eventually};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// A k3s that goes on until it is told to end, and says how often it was told.
const WELL: &str = r#"exec "$PING_PONG" count TERM obey TERM say k3s-runs hang"#;

/// Stages that end without a cluster.
const STAGES: [&str; 10] =
    ["volume", "config", "cgroup", "mounts", "kernel", "leftovers", "registries", "identity", "route", "k3s"];

#[test]
fn a_stop_at_every_step_is_a_clean_one() {
    let node = Node::new(WELL);
    node.boot().ready().stops_cleanly("as soon as it hears");
    for stage in STAGES {
        let mut namespace = node.boot().start();
        namespace.line(&format!("stage=\"{stage}\""));
        let begin = Instant::now();
        namespace.stops_cleanly(stage);
        assert!(begin.elapsed() < Duration::from_secs(5), "{stage}: {:?}", begin.elapsed());
    }
}

#[test]
fn a_kill_at_every_step_leaves_nothing_that_the_next_start_minds() {
    let node = Node::new(WELL);
    node.up().stops_cleanly("first");
    let id = fs::read_to_string(node.in_volume("openshell/machine-id")).unwrap();
    for (i, stage) in STAGES.iter().enumerate() {
        let mut namespace = node.boot().start();
        namespace.line(&format!("stage=\"{stage}\""));
        namespace.signal(Signal::SIGKILL);
        assert_ne!(namespace.ended().code, 0);
        // Killed before it remembered that it had begun, the run doesn't count.
        let up = node.up();
        let status = up.document().unwrap();
        assert!(status.contains(r#""problems":[]"#), "after {stage}, run {i}: {status}");
        assert_eq!(fs::read_to_string(node.in_volume("openshell/machine-id")).unwrap(), id);
        up.stops_cleanly(stage);
    }
}

#[test]
fn a_second_term_hurries_and_k3s_gets_just_one() {
    let deaf = Node::new(r#"exec "$PING_PONG" count TERM say k3s-runs hang"#);
    let mut namespace = deaf.up();
    namespace.line("k3s-runs");
    namespace.signal(Signal::SIGTERM);
    namespace.line("got TERM 1");
    let begin = Instant::now();
    let lines = {
        namespace.signal(Signal::SIGINT);
        let ended = namespace.ended();
        assert_eq!(ended.code, 0);
        ended.lines
    };
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert!(!lines.iter().any(|line| line.contains("got TERM 2")), "{lines:#?}");
}

#[test]
fn k3s_that_ends_is_started_again_and_its_cause_is_told() {
    let node = Node::new(
        "seq 300; echo 'level=fatal msg=\"listen tcp :6443: bind: address already in use\"' >&2; exit 1",
    );
    let namespace = node.boot().ready();
    let status = namespace.until_status("its end", |s| s.contains("exit code 1"));
    assert!(
        status.contains("K3sAddressInUse") && status.contains("bind: address already in use"),
        "{status}"
    );
    node.replace_k3s(WELL);
    let status = namespace
        .until_status("it runs again", |s| s.contains(r#""problems":[]"#) && !s.contains(r#""restarts":0"#));
    assert!(status.contains(r#""last_end":{"#) && status.contains("K3sAddressInUse"), "{status}");
    namespace.stops_cleanly("after a restart of k3s");
}

#[test]
fn a_stop_between_two_starts_of_k3s_starts_nothing() {
    let node = Node::new("exit 3");
    let namespace = node.boot().ready();
    namespace.until_status("its end", |s| s.contains("exit code 3"));
    node.replace_k3s(r#"echo "born too late""#);
    let lines = namespace.stops_cleanly("in the pause");
    assert!(!lines.iter().any(|line| line.contains("born too late")), "{lines:#?}");
}

#[test]
fn a_k3s_that_cannot_be_started_is_a_failure_that_stays_to_tell() {
    let node = Node::new(WELL);
    fs::set_permissions(node.k3s(), fs::Permissions::from_mode(0o644)).unwrap();
    let namespace = node.boot().ready();
    let status = namespace.until_status("the failure", |s| s.contains(r#""phase":"failed""#));
    assert!(status.contains("K3sNotStarted") && status.contains("/bin/k3s"), "{status}");
    namespace.stops_cleanly("failed");
}

#[test]
fn a_start_without_room_on_the_disk_is_told_and_made_again_once_there_is_some() {
    let node = Node::new(WELL).env("FULL_VOLUME", "yes");
    let namespace = node.boot().ready();
    let status = namespace.until_status("the failure", |s| s.contains(r#""phase":"failed""#));
    assert!(status.contains("DiskFull") && status.contains("/var/lib/rancher/k3s/openshell"), "{status}");
    fs::remove_file(format!("/proc/{}/root/var/lib/rancher/k3s/server/fill", namespace.first())).unwrap();
    let ended = namespace.ended();
    assert_eq!(ended.code, 75, "{:#?}", ended.lines);
}

#[test]
fn a_k3s_that_cannot_be_started_again_is_told_and_tried_again() {
    let node = Node::new("mount --bind /dev/null /usr/bin/k3s; exit 3");
    let namespace = node.boot().ready();
    let status = namespace.until_status("the failure", |s| s.contains("K3sNotStarted"));
    assert!(status.contains("it can't be executed") && status.contains("exit code 3"), "{status}");
    node.replace_k3s(WELL);
    let first = namespace.first().to_string();
    let free = ["--target", &first, "--mount", "--pid", "umount", "/usr/bin/k3s"];
    let freed = Command::new("nsenter").args(free).status().unwrap();
    assert!(freed.success());
    namespace
        .until_status("it runs again", |s| s.contains(r#""problems":[]"#) && s.contains(r#""restarts":1"#));
    namespace.stops_cleanly("after a start that failed");
}

#[test]
fn a_stopped_k3s_is_not_a_dead_one_and_does_not_hold_up_the_stop() {
    let node = Node::new(WELL).env("OPENSHELL_STOP_TIMEOUT", "4");
    let namespace = node.up();
    let k3s = namespace.process("ping-pong");
    kill(k3s.outer, Signal::SIGSTOP).unwrap();
    eventually("it is stopped", || Process::read(k3s.outer)?.field("State")?.starts_with('T').then_some(()));
    let status = namespace.document().unwrap();
    assert!(
        status.contains(&format!(r#""pid":{}"#, k3s.inner)) && status.contains(r#""restarts":0"#),
        "{status}"
    );
    let begin = Instant::now();
    namespace.stops_cleanly("k3s is stopped");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn quit_tells_the_state_and_goes_on() {
    let node = Node::new(WELL);
    let mut namespace = node.up();
    let k3s = namespace.process("ping-pong").inner;
    namespace.signal(Signal::SIGQUIT);
    let line = namespace.line("state: {");
    assert!(line.contains(&k3s.to_string()), "{line}");
    namespace.stops_cleanly("after QUIT");
}

#[test]
fn a_panic_anywhere_stops_in_order_with_a_code_of_its_own() {
    for place in ["start", "loop", "main", "supervise", "socket"] {
        let node = Node::new(WELL).env("OPENSHELL_FAULT", &format!("panic:{place}"));
        let mut namespace = node.boot().ready();
        match place {
            "supervise" => {
                namespace.line("k3s-runs");
                kill(namespace.process("ping-pong").outer, Signal::SIGKILL).unwrap();
            }
            "socket" => {
                let socket = format!("/proc/{}/root/run/openshell/init.sock", namespace.first());
                eventually("the socket", || std::os::unix::net::UnixStream::connect(&socket).ok());
            }
            _ => {}
        }
        let ended = namespace.ended();
        assert_eq!(ended.code, 70, "{place}: {:#?}", ended.lines);
        assert!(
            ended.lines.iter().any(|l| l.contains("a defect: the thread main panicked at")),
            "{place}: {:#?}",
            ended.lines
        );
        assert!(ended.lines.iter().any(|l| l.contains("stop: flush done")), "{place}: {:#?}", ended.lines);
        // The others come before the run is remembered, or race with that.
        if ["main", "supervise"].contains(&place) {
            let record = fs::read_to_string(node.in_volume("openshell/last-run.json")).unwrap();
            assert!(record.contains("a defect"), "{record}");
            let next = node.env("OPENSHELL_FAULT", "").up();
            let status = next.document().unwrap();
            assert!(status.contains(r#""crashes":1"#) && status.contains("a defect"), "{status}");
            next.stops_cleanly("after a defect");
        }
    }
}

#[test]
fn a_main_loop_that_hangs_is_ended_by_the_watchdog_and_the_next_run_tells() {
    for place in ["loop", "main"] {
        let node = Node::new(WELL).env("OPENSHELL_FAULT", &format!("block:{place}"));
        let ended = node.boot().ready().ended();
        assert_eq!(ended.code, 70, "{:#?}", ended.lines);
        assert!(ended.lines.iter().any(|line| line.contains("the main loop hangs")), "{:#?}", ended.lines);
        // By then the run is remembered; the loop may hang before that.
        if place == "main" {
            let next = node.env("OPENSHELL_FAULT", "").up();
            let status = next.document().unwrap();
            assert!(status.contains(r#""crashes":1"#) && status.contains("the main loop hangs"), "{status}");
            next.stops_cleanly("after a hang");
        }
    }
}

#[test]
fn a_log_that_nobody_reads_holds_up_nothing() {
    let flood =
        Node::new(r#"yes 'a line of k3s, again and again and again' & exec "$PING_PONG" obey TERM hang"#);
    // Standard error goes the way of the unread standard output.
    let boot = flood.boot().through(["sh", "-c", r#"exec "$0" "$@" 2>&1"#]).unread();
    let mut namespace = boot.ready();
    let pipe = namespace.take_stdout();
    let flooding = namespace.process("yes");
    eventually("the pipe is full and k3s goes on", || {
        (namespace.document()?.contains(r#""pid":"#) && !flooding.is_zombie()).then_some(())
    });
    let before = namespace.status().resident_kib().unwrap();
    let begin = Instant::now();
    // Another process is reaped all the same.
    kill(namespace.process("ping-pong").outer, Signal::SIGKILL).unwrap();
    namespace.until_status("the end of k3s", |s| s.contains("signal SIGKILL"));
    let after = namespace.status().resident_kib().unwrap();
    assert!(after < before + 8 * 1024, "{before} KiB became {after} KiB");
    namespace.signal(Signal::SIGTERM);
    let ended = namespace.ended();
    assert_eq!(ended.code, 0);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    drop(pipe);
}

#[test]
fn whatever_k3s_says_each_event_is_one_line_of_json() {
    let script = r#"printf 'one\rtwo\033[31m\177\302\205\n{"level":"ERROR"}\n\000\377\n' >&2; printf 'no end'; exec "$PING_PONG" obey TERM hang"#;
    let node = Node::new(script).env("OPENSHELL_LOG_FORMAT", "json");
    let mut namespace = node.up();
    namespace.line("two");
    let lines = namespace.stops_cleanly("json");
    for line in &lines {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line:?}");
    }
    assert!(lines.iter().any(|line| line.contains("no end")), "{lines:#?}");
}

/// Together with the two that an ended k3s leaves, one less than its standard input and two pipes take.
const TOO_FEW: usize = 2;

#[test]
fn k3s_is_started_again_once_there_are_descriptors_for_it() {
    let node = Node::new(WELL);
    let mut namespace = node.up();
    namespace.line("k3s-runs");
    let first = namespace.first().to_string();
    let limit = |soft: &str| {
        let set = Command::new("prlimit").args(["--pid", &first, &format!("--nofile={soft}:")]).status();
        assert!(set.expect("prlimit (util-linux) runs").success());
    };
    let open = fs::read_dir(format!("/proc/{first}/fd")).unwrap().count();
    limit(&(open + TOO_FEW).to_string());
    kill(namespace.process("ping-pong").outer, Signal::SIGKILL).unwrap();
    let status =
        namespace.until_status("it tells what is lacking", |s| s.contains(r#""reason":"Exhausted""#));
    assert!(status.contains("no process, descriptor or memory is free"), "{status}");
    assert!(status.contains(r#""phase":"degraded""#), "{status}");
    limit("4096");
    namespace.line("k3s-runs");
    namespace.until_status("that is over", |s| !s.contains(r#""reason":"Exhausted""#));
    namespace.stops_cleanly("after it lacked descriptors");
}
