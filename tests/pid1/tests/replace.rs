//! `openshell-init replace`: another program is process 1, and k3s doesn't notice.

use nix::sys::signal::{Signal, kill};
use openshell_pid1_tests::{Namespace, Node, Process, eventually, program};
use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A k3s that says how it was started, goes on until it is told to end, and says how often it was told.
const WELL: &str = r#"echo "started as $*"; exec "$PING_PONG" count TERM obey TERM say k3s-runs hang"#;

#[test]
fn another_program_takes_the_place_and_k3s_goes_on() {
    let node = Node::new(WELL);
    let mut namespace = node.up();
    namespace.line("k3s-runs");
    let k3s = namespace.process("ping-pong").outer;
    let open = || fs::read_dir(format!("/proc/{}/fd", namespace.first())).unwrap().count();
    let mut opened = Vec::new();
    for _ in 0..5 {
        let before = namespace.document().unwrap();
        assert_eq!(told(&replace(&namespace)), "process 1 is openshell-init 0.1.0\n");
        let status = namespace.until_status("the other one is on", |s| {
            s != before && s.contains(r#""name":"k3s","state":"done""#)
        });
        assert!(status.contains(r#""problems":[]"#), "{status}");
        assert!(status.contains("done by the process 1 before"), "{status}");
        let pid = format!(r#""pid":{}"#, Process::read(k3s).unwrap().inner);
        assert!(status.contains(&pid) && status.contains(r#""restarts":0"#), "{status}");
        eventually("nobody is left but k3s", || {
            let others = namespace.others();
            (others.len() == 1 && others[0].outer == k3s).then_some(())
        });
        opened.push(open());
    }
    assert_eq!(opened[0], opened[4], "descriptors: {opened:?}");
    let handover = format!("/proc/{}/root/run/openshell/handover.json", namespace.first());
    assert!(!fs::exists(handover).unwrap());
    // Its last words come by the pipe that the first one made.
    let lines = namespace.stops_cleanly("after five");
    assert_eq!(lines.iter().filter(|line| line.contains("got TERM")).count(), 1, "{lines:#?}");
}

#[test]
fn k3s_is_started_again_as_the_first_one_had_started_it() {
    let node = Node::new(WELL).env("EXTRA_SANS", "gateway.example");
    let mut namespace = node.up();
    let first = namespace.line("started as");
    assert!(first.contains("--tls-san=gateway.example"), "{first}");
    told(&replace(&namespace));
    kill(namespace.process("ping-pong").outer, Signal::SIGKILL).unwrap();
    let again = namespace.line("started as");
    let words = |line: &str| line.split_once("started as").unwrap().1.to_owned();
    assert_eq!(words(&again), words(&first));
    namespace.until_status("it is told", |s| s.contains("signal SIGKILL") && s.contains(r#""restarts":1"#));
    namespace.stops_cleanly("k3s of the second one");
}

/// The kernel drops a signal without handler for process 1, and a new program begins without any.
#[test]
fn a_stop_at_any_instant_of_it_is_heard_once() {
    for delay in (0..20).map(|n| Duration::from_micros(n * 500)) {
        let node = Node::new(WELL);
        let mut namespace = node.up();
        namespace.line("k3s-runs");
        let mut asking = inside(&namespace, &["replace"]).spawn().unwrap();
        namespace.line("takes the place of process 1");
        std::thread::sleep(delay);
        let lines = namespace.stops_cleanly(delay);
        assert_eq!(lines.iter().filter(|line| line.contains("got TERM")).count(), 1, "{delay:?}: {lines:#?}");
        asking.wait().unwrap();
    }
}

#[test]
fn what_is_no_openshell_init_is_not_made_process_1() {
    let node = Node::new(WELL).with_own_program();
    let namespace = node.up();
    fs::remove_file(node.program()).unwrap();
    for (script, why) in [
        (None, "there is no such file"),
        (Some("#!/bin/sh\necho why >&2; exit 3\n"), "ended with exit code 3: why"),
        (Some("#!/bin/sh\necho another 1.0\n"), "it says \"another 1.0\""),
    ] {
        if let Some(script) = script {
            node.install(script);
        }
        let refused = replace(&namespace);
        let words = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(1) && words.contains(why), "{script:?}: {refused:?}");
    }
    assert!(namespace.document().unwrap().contains(r#""problems":[]"#));
    namespace.stops_cleanly("refused");
}

#[test]
fn without_k3s_there_is_nothing_to_hand_over() {
    let node = Node::new("exit 3");
    let namespace = node.boot().ready();
    namespace.until_status("its end", |s| s.contains("exit code 3"));
    node.replace_k3s("exit 4");
    let refused = replace(&namespace);
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && words.contains("k3s does not run"), "{refused:?}");
    namespace.stops_cleanly("refused");

    let alone = node.boot().args(["--take-over"]).start().ended();
    assert_eq!(alone.code, 64, "{alone:?}");
    assert!(alone.lines.iter().any(|line| line.contains("has handed k3s over")), "{alone:?}");
}

fn replace(namespace: &Namespace) -> Output {
    inside(namespace, &["replace"]).output().expect("nsenter (util-linux) runs")
}

/// `openshell-init` beside process 1.
fn inside(namespace: &Namespace, args: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &namespace.first().to_string(), "--mount", "--pid"]);
    command.arg(program("openshell-init")).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn told(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
