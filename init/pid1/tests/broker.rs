//! The reaper and the broker, on real processes. One test: the reaper belongs to the whole process.

use nix::sys::signal::Signal;
use openshell_pid1::lines::{self, Line};
use openshell_pid1::{Exit, SpawnError, proc, start};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const CHILDREN: usize = 300;
const ORPHANS: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn no_exit_is_lost_no_zombie_left_and_nothing_starts_after_close() {
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    #[expect(clippy::zombie_processes, reason = "the reaper waits for it, once it is there")]
    let before = Command::new("sleep").arg("60").spawn().unwrap();
    let broker = start(|_| {}).unwrap();

    // Children that end at once, each with its own code, beside orphans that are handed over.
    let (sender, exits) = mpsc::channel();
    for i in 0..CHILDREN {
        let code = u8::try_from(i % 256).unwrap();
        let sender = sender.clone();
        let script =
            if i % 3 == 0 { format!("(sleep 0.05 &) ; exit {code}") } else { format!("exit {code}") };
        broker
            .spawn(Command::new("sh").args(["-c", &script]), move |exit| sender.send((code, exit)).unwrap())
            .unwrap();
    }
    for _ in 0..CHILDREN {
        let (code, exit) = exits.recv_timeout(PATIENCE).unwrap();
        assert_eq!(exit, Exit::Code(code));
    }
    wait_for("orphans reaped", || broker.orphans() >= ORPHANS);
    let me = nix::unistd::Pid::this();
    wait_for("no zombie", || !proc::all().iter().any(|p| p.parent == me && p.zombie));

    // A death by signal is not an exit code; a reaped child is not signalled.
    let (sender, exits) = mpsc::channel();
    let child =
        broker.spawn(Command::new("sleep").arg("60"), move |exit| sender.send(exit).unwrap()).unwrap();
    assert!(broker.signal_group(child.id, Signal::SIGKILL));
    assert_eq!(exits.recv_timeout(PATIENCE).unwrap(), Exit::Signal(9));
    assert!(broker.wait_gone(child.id, Instant::now() + PATIENCE));
    assert!(!broker.signal(child.id, Signal::SIGTERM));

    // A pipe held open by a grandchild holds nobody up: lines come, the exit comes.
    let (line_sender, received) = mpsc::channel();
    let (sender, exits) = mpsc::channel();
    let mut child = broker
        .spawn(
            Command::new("sh").args(["-c", "echo hello; sleep 60 & exit 7"]).stdout(Stdio::piped()),
            move |exit| sender.send(exit).unwrap(),
        )
        .unwrap();
    lines::forward("test", child.stdout.take().unwrap(), move |line| {
        if let Line::Text(text) = line {
            line_sender.send(text.to_owned()).unwrap();
        }
    })
    .unwrap();
    assert_eq!(received.recv_timeout(PATIENCE).unwrap(), "hello");
    assert_eq!(exits.recv_timeout(PATIENCE).unwrap(), Exit::Code(7));

    // A child that was there before is adopted once, and by its whole name.
    let pid = nix::unistd::Pid::from_raw(before.id().cast_signed());
    let began = proc::began(pid).unwrap();
    assert_eq!(broker.adopt(pid, began + 1, |_| {}), None);
    assert_eq!(broker.adopt(me, proc::began(me).unwrap(), |_| {}), None);
    let (sender, exits) = mpsc::channel();
    let adopted = broker.adopt(pid, began, move |exit| sender.send(exit).unwrap()).unwrap();
    assert_eq!(broker.adopt(pid, began, |_| {}), None);

    assert!(matches!(broker.spawn(&mut Command::new("/no/such"), |_| {}), Err(SpawnError::NotFound { .. })));
    // One is kept of two; it ends as any child does.
    broker.spawn(Command::new("sleep").arg("60"), |_| {}).unwrap();
    assert!(broker.end_others(adopted, Instant::now() + PATIENCE));
    assert_eq!(broker.children(), [pid]);
    assert!(matches!(broker.spawn(&mut Command::new("true"), |_| {}), Err(SpawnError::Stopping { .. })));
    assert!(broker.signal(adopted, Signal::SIGTERM));
    assert_eq!(exits.recv_timeout(PATIENCE).unwrap(), Exit::Signal(15));
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "gave up waiting for: {what}");
        std::thread::yield_now();
    }
}
