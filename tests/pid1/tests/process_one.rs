//! `process-one`, and with it the harness itself: how a real process 1 ends.

use nix::sys::signal::Signal;
use openshell_pid1_tests::{Builder, eventually, program};

fn process_one(words: &[&str]) -> Builder {
    Builder::new(program("process-one")).args(words)
}

fn ping_pong() -> String {
    program("ping-pong").display().to_string()
}

#[test]
fn ends_with_its_commands_code() {
    for code in ["0", "1", "77", "255"] {
        let ended = process_one(&[&ping_pong(), "exit", code]).start().ended();
        assert_eq!(ended.code.to_string(), code);
    }
}

#[test]
fn ends_with_128_and_the_signal_that_ended_its_command() {
    for signal in [Signal::SIGKILL, Signal::SIGSEGV, Signal::SIGUSR1] {
        let name = signal.as_str().trim_start_matches("SIG");
        let ended = process_one(&[&ping_pong(), "die", name]).start().ended();
        assert_eq!(ended.code, 128 + signal as i32, "{name}");
    }
}

#[test]
fn a_command_that_cannot_start_gives_126_or_127_as_in_a_shell() {
    assert_eq!(process_one(&["/no/such/command"]).start().ended().code, 127);
    assert_eq!(process_one(&["/etc/passwd"]).start().ended().code, 126);
    assert_eq!(process_one(&["/"]).start().ended().code, 126);
}

#[test]
fn a_stop_takes_all_that_is_left_with_it() {
    let mut namespace =
        process_one(&[&ping_pong(), "obey", "TERM", "leave", "3", "holder", "say", "up", "hang"]).ready();
    namespace.line("up");
    eventually("all of them", || {
        (namespace.others().iter().filter(|p| p.name() == "sleep").count() == 4).then_some(())
    });
    namespace.signal(Signal::SIGTERM);
    let ended = namespace.ended();
    assert_eq!(ended.code, 0, "{:#?}", ended.lines);
    assert!(ended.lines.iter().any(|line| line == "got TERM 1"), "{:#?}", ended.lines);
}
