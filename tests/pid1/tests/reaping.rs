//! Every child that ends is reaped and told to its spawner, whatever else ends beside it.

use nix::sys::signal::{Signal, kill};
use openshell_pid1_tests::{Builder, Namespace, PATIENCE, Process, eventually, program};
use std::io::Write;
use std::process::Command;

fn drill(words: &[&str]) -> String {
    let ended = Builder::new(program("drill")).args(words).start().ended();
    assert_eq!(ended.code, 0, "{:#?}", ended.lines);
    ended.lines.last().cloned().unwrap_or_default()
}

fn process_one(actions: &[&str]) -> Namespace {
    Builder::new(program("process-one")).args([program("ping-pong")]).args(actions).ready()
}

fn burst(n: usize) {
    let said = drill(&["burst", &n.to_string()]);
    let watched = n + 4;
    let expected = format!("drill: {watched} of {watched} right, 0 wrong, {n} of {n} orphans, 0 zombies");
    assert!(said.starts_with(&expected), "{said}");
    // The runner shows it with --nocapture.
    let _ = writeln!(std::io::stderr(), "measured: {said}");
}

#[test]
fn a_burst_loses_no_code_and_leaves_no_zombie() {
    burst(1_000);
}

/// `cargo test --package openshell-pid1-tests --test reaping -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes"]
fn ten_bursts_of_ten_thousand() {
    (0..10).for_each(|_| burst(10_000));
}

/// Before Linux 6.14 the highest process id is that of the machine, and not to be lowered.
fn process_ids_are_the_namespaces_own() -> bool {
    let release = nix::sys::utsname::uname().expect("a kernel").release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map_while(|n| n.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(14))
}

#[test]
fn a_number_that_came_back_is_another_child() {
    if !process_ids_are_the_namespaces_own() {
        return;
    }
    let said = drill(&["reuse"]);
    assert_eq!(said, "drill: the first one was hit: false, is gone: true; the second one lives: true");
}

#[test]
fn what_ends_while_process_1_stands_still_is_reaped_afterwards() {
    let mut namespace = process_one(&["stop", "orphans", "300", "0", "say", "made", "hang"]);
    let maker = stopped_child(&namespace);
    namespace.signal(Signal::SIGSTOP);
    kill(maker.outer, Signal::SIGCONT).unwrap();
    namespace.line("made");
    // All of them sent their SIGCHLD, which is one pending signal.
    eventually("zombies", || (zombies(&namespace) >= 100).then_some(()));
    namespace.signal(Signal::SIGCONT);
    eventually("no zombie", || (zombies(&namespace) == 0).then_some(()));
}

fn stopped_child(namespace: &Namespace) -> Process {
    let stopped = |p: &Process| p.field("State").is_some_and(|state| state.starts_with('T'));
    eventually("a stopped child", || namespace.others().into_iter().find(stopped))
}

fn zombies(namespace: &Namespace) -> usize {
    namespace.others().iter().filter(|p| p.is_zombie()).count()
}

#[test]
fn no_number_to_be_had_is_named_and_passes() {
    if !process_ids_are_the_namespaces_own() {
        return;
    }
    let said = drill(&["exhaust"]);
    assert!(
        said.contains("can't start sleep") && said.ends_with("one ended: true; started again: true"),
        "{said}"
    );
}

/// As a health check and `docker exec` come in.
#[test]
fn orphans_of_whoever_enters_the_namespace_are_reaped() {
    let mut namespace = process_one(&["say", "up", "hang"]);
    namespace.line("up");
    for _ in 0..50 {
        let mut enter = Command::new("nsenter");
        enter.args(["--target", &namespace.first().to_string(), "--pid", "--mount", "sh", "-c", "(true &)"]);
        assert!(enter.status().unwrap().success());
    }
    eventually("no zombie and no orphan", || (namespace.others().len() == 1).then_some(()));
}

#[test]
fn a_stopped_child_has_not_ended() {
    let mut namespace = process_one(&["say", "before", "stop", "say", "after", "exit", "5"]);
    namespace.line("before");
    let child = stopped_child(&namespace);
    namespace.signal(Signal::SIGQUIT);
    // It still counts the child as its own.
    namespace.line(&format!("children [Pid({})]", child.inner));
    kill(child.outer, Signal::SIGCONT).unwrap();
    namespace.line("after");
    assert_eq!(namespace.ended().code, 5);
}

#[test]
fn a_grandchild_that_holds_the_pipe_holds_nobody_up() {
    let ended = Builder::new(program("process-one"))
        .args([program("ping-pong")])
        .args(["holder", "exit", "7"])
        .start()
        .ended();
    assert_eq!(ended.code, 7);
    assert!(ended.after < PATIENCE / 3, "{ended:?}");
}

/// A zombie that is traced from outside can't be reaped by its parent until the tracer lets go.
#[test]
fn a_zombie_that_cannot_be_reaped_does_not_hold_up_the_stop() {
    let mut namespace = Builder::new(program("process-one"))
        .args(["--budget", "2"])
        .args([program("ping-pong")])
        .args(["say", "up", "hang"])
        .ready();
    namespace.line("up");
    let child = namespace.process("ping-pong").outer;
    nix::sys::ptrace::seize(child, nix::sys::ptrace::Options::empty()).unwrap();
    kill(child, Signal::SIGKILL).unwrap();
    eventually("the zombie", || (zombies(&namespace) == 1).then_some(()));
    namespace.signal(Signal::SIGTERM);
    namespace.line("\"flush\"");
    // Its end waits in the kernel for the tracer, as that of any process 1 would; here it lets go.
    nix::sys::wait::waitpid(child, None).unwrap();
    assert!(namespace.ended().after < PATIENCE / 3);
}
