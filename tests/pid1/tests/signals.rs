//! Every signal means to process 1 what the table in `openshell-pid1` says, and nothing to its child.

use nix::sys::signal::Signal;
use openshell_pid1_tests::{Builder, Namespace, PATIENCE, eventually, program};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// TERM, INT, PWR and RTMIN+3.
const STOPPING: [i32; 4] = [15, 2, 30, 37];

/// How it ends when its stop comes before its command was started, while it was, or after that.
const STOPPED_EARLY: [i32; 4] = [0, 1, 126, 143];

fn process_one(actions: &[&str]) -> Builder {
    Builder::new(program("process-one")).args([program("ping-pong")]).args(actions)
}

fn up(actions: &[&str]) -> Namespace {
    let mut namespace = process_one(actions).ready();
    namespace.line("up");
    namespace
}

#[test]
fn each_signal_that_stops_does_so_by_the_same_path() {
    for number in STOPPING {
        let namespace = up(&["obey", "TERM", "say", "up", "hang"]);
        namespace.signal_number(number);
        let ended = namespace.ended();
        assert_eq!(ended.code, 0, "signal {number}");
        let got: Vec<_> = ended.lines.iter().filter(|line| line.starts_with("got ")).collect();
        assert_eq!(got, ["got TERM 1"], "signal {number}");
    }
}

#[test]
fn no_other_signal_ends_it_or_reaches_its_child() {
    let counted = ["HUP", "USR1", "USR2", "WINCH", "URG", "CONT", "ALRM", "QUIT", "TSTP", "PIPE"];
    let mut actions: Vec<&str> = counted.iter().flat_map(|name| ["count", name]).collect();
    actions.extend(["say", "up", "hang"]);
    let mut namespace = up(&actions);
    for number in (1..=64).filter(|n| !STOPPING.contains(n) && ![9, 19].contains(n)) {
        // Those of the C library can't be sent by their number, and nobody does.
        if ![32, 33].contains(&number) {
            namespace.signal_number(number);
        }
        namespace.signal(Signal::SIGQUIT);
        namespace.line("children [Pid(");
    }
    let all = namespace.transcript();
    assert!(!all.contains("got "), "the child got a signal:\n{all}");
}

#[test]
fn a_storm_is_one_stop_and_one_hurry_and_its_child_hears_one_term() {
    let namespace = up(&["count", "TERM", "say", "up", "hang"]);
    for _ in 0..200 {
        namespace.signal(Signal::SIGUSR1);
        // Gone at last, when the stop is over.
        if nix::sys::signal::kill(namespace.first(), Signal::SIGTERM).is_err() {
            break;
        }
    }
    let ended = namespace.ended();
    assert_eq!(ended.code, 137, "{:#?}", ended.lines);
    assert!(!ended.lines.iter().any(|line| line == "got TERM 2"), "{:#?}", ended.lines);
    assert!(ended.after < Duration::from_secs(5), "{ended:?}");
}

/// The kernel drops a signal that finds no handler: from the first moment on there has to be one.
#[test]
fn a_stop_right_after_the_start_is_heard() {
    for _ in 0..50 {
        let begin = Instant::now();
        let namespace = process_one(&["obey", "TERM", "hang"]).ready();
        let took = begin.elapsed();
        namespace.signal(Signal::SIGTERM);
        let ended = namespace.ended();
        assert!(STOPPED_EARLY.contains(&ended.code), "{ended:?}");
        assert!(took < PATIENCE / 3 && ended.after < PATIENCE / 3, "{took:?} {ended:?}");
    }
}

/// The kernel knows of a handler before `signal-hook` knows what it is for. A tracer makes that instant long.
#[test]
fn a_stop_while_handlers_are_being_set_is_heard() {
    let slowly = ["strace", "-D", "-o", "/dev/null", "-e", "inject=rt_sigaction:delay_exit=20000"];
    let namespace = process_one(&["obey", "TERM", "hang"]).through(slowly).ready();
    namespace.signal(Signal::SIGTERM);
    let ended = namespace.ended();
    assert!(STOPPED_EARLY.contains(&ended.code), "{ended:?}");
}

/// So that it can hold them back while another program takes the place of this one.
#[test]
fn its_reaper_alone_takes_signals_and_nobody_blocks_faults() {
    let namespace = up(&["say", "up", "hang"]);
    let bit = |signal: Signal| 1_u64 << (signal as u64 - 1);
    let faults = [Signal::SIGILL, Signal::SIGTRAP, Signal::SIGABRT, Signal::SIGBUS, Signal::SIGFPE];
    let faults = faults.into_iter().chain([Signal::SIGSEGV, Signal::SIGSYS]).map(bit).sum::<u64>();
    let threads = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", namespace.first())).unwrap();
        let read = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("status")).unwrap();
        let thread = |status: String| {
            let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
            (field("Name:").to_owned(), u64::from_str_radix(field("SigBlk:"), 16).unwrap())
        };
        tasks.map(|task| thread(read(task.unwrap()))).collect::<Vec<_>>()
    };
    // It may not have got its turn yet.
    eventually("a reaper that takes signals", || threads().contains(&("reaper".to_owned(), 0)).then_some(()));
    let wanted = [Signal::SIGTERM, Signal::SIGCHLD, Signal::SIGQUIT].map(bit).iter().sum::<u64>();
    for (name, blocked) in threads().iter().filter(|(name, _)| name != "reaper") {
        assert_eq!((blocked & faults, blocked & wanted), (0, wanted), "{name}");
    }
}

/// Whatever its starter had blocked and ignored; but for faults, which POSIX leaves undefined when they are
/// ignored, and the three real-time signals that the C library keeps for itself.
#[test]
fn children_start_with_an_empty_mask_and_default_dispositions() {
    let of_faults_and_the_c_library = [4, 8, 11, 32, 33, 34];
    let others = (1..=64).filter(|n| !of_faults_and_the_c_library.contains(n) && ![9, 19].contains(n));
    let ignored = format!("--ignore-signal={}", others.map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    let mut cat = Builder::new(program("process-one"))
        .args(["cat", "/proc/self/status"])
        .through(["env", "--block-signal", &ignored])
        .start();
    for (field, wanted) in [("SigBlk", 0), ("SigIgn", 0), ("SigCgt", 0_u64)] {
        let line = cat.line(field);
        let value = line.split_whitespace().nth(1).and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let excepted = of_faults_and_the_c_library.iter().fold(0_u64, |bits, n| bits | 1 << (n - 1));
        assert_eq!(value.map(|bits| bits & !excepted), Some(wanted), "{line}");
    }
}

#[test]
fn children_get_a_group_of_their_own_and_nothing_that_is_open() {
    let mut namespace = Builder::new(program("process-one"))
        .args([program("ping-pong")])
        .args(["self", "hang"])
        .current_dir("/usr")
        .through(["sh", "-c", r#"exec 7</etc/passwd 9>/dev/null; exec "$0" "$@""#])
        .ready();
    namespace.line("fds");
    let child = namespace.process("ping-pong");
    let link = |name: &str| std::fs::read_link(format!("/proc/{}/{name}", child.outer)).unwrap_or_default();
    let open = |pid| {
        let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors");
        entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse::<u32>().ok()).max()
    };
    assert_eq!(open(child.outer), Some(2));
    assert_eq!(link("fd/0").to_string_lossy(), "/dev/null");
    assert_eq!(link("cwd").to_string_lossy(), "/");
    assert_eq!(nix::unistd::getpgid(Some(child.outer)), Ok(child.outer));
    assert_ne!(nix::unistd::getpgid(Some(namespace.first())), Ok(child.outer));
    // Nor does process 1 keep what it was started with.
    let kept = std::fs::read_dir(format!("/proc/{}/fd", namespace.first())).expect("its descriptors");
    let passwd = kept.filter_map(|e| std::fs::read_link(e.ok()?.path()).ok()).find(|f| f.ends_with("passwd"));
    assert_eq!(passwd, None);
}

#[test]
fn a_flood_into_a_stalled_log_neither_grows_it_nor_deafens_it() {
    let mut namespace = Builder::new(program("drill"))
        .args(["flood"])
        .args([program("ping-pong")])
        .args(["flood", "0"])
        .unread()
        .ready();
    let _unread = namespace.take_stdout();
    let flood = namespace.process("ping-pong").outer;
    let written = || {
        let io = std::fs::read_to_string(format!("/proc/{flood}/io")).unwrap_or_default();
        io.lines().find_map(|l| l.strip_prefix("wchar: ")?.parse::<u64>().ok())
    };
    eventually("100 MB were written", || written().filter(|bytes| *bytes > 100_000_000));
    let resident = namespace.status().resident_kib().expect("it is there");
    assert!(resident < 8 * 1024, "{resident} KiB");
    namespace.signal(Signal::SIGTERM);
    assert!(namespace.ended().after < PATIENCE / 3);
}

/// `^C` goes to the terminal's foreground group: process 1 is in it, its child is not.
#[test]
fn a_terminals_interrupt_reaches_process_1_alone() {
    let command = format!(
        // `exec`, or a shell that stays the parent, as dash does, dies of the same key.
        "exec unshare --pid --mount --fork --mount-proc --kill-child -- {} {} count INT obey TERM say up hang",
        program("process-one").display(),
        program("ping-pong").display()
    );
    let mut terminal = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &command, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script (bsdutils) starts");
    let mut keys = terminal.stdin.take().expect("a keyboard");
    let screen = BufReader::new(terminal.stdout.take().expect("a screen"));
    let mut seen = Vec::new();
    for line in screen.lines().map_while(Result::ok) {
        if line.trim() == "up" {
            keys.write_all(b"\x03").expect("a key");
        }
        seen.push(line);
    }
    let status = terminal.wait().expect("it ends");
    assert!(status.success(), "{status:?} {seen:#?}");
    assert!(seen.iter().any(|line| line.trim() == "got TERM 1"), "{seen:#?}");
    assert!(!seen.iter().any(|line| line.contains("got INT")), "{seen:#?}");
}
