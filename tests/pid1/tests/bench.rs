//! Side by side with the small inits that people know: the same stimuli, the same observations.
//!
//! `scripts/bench pid1` installs them and runs this. `-` in a cell: it didn't end by itself.

use nix::sys::signal::Signal;
use openshell_pid1_tests::{Builder, Namespace, Process, eventually, program};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longer than any of them may need, and than Docker waits.
const STOP: Duration = Duration::from_secs(11);
/// How long an idle one is watched.
const IDLE: Duration = Duration::from_secs(10);
const ORPHANS: u32 = 1000;

struct Init {
    name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
}

fn inits() -> Vec<Init> {
    let installed = ["tini", "dumb-init", "catatonit"].into_iter().filter_map(|name| {
        let program = PathBuf::from("/usr/bin").join(name);
        program.exists().then_some(Init { name, program, arguments: &["--"] })
    });
    let ours = Init { name: "openshell-pid1", program: program("process-one"), arguments: &[] };
    std::iter::once(ours).chain(installed).collect()
}

impl Init {
    fn with(&self, actions: &[&str]) -> Namespace {
        let builder = Builder::new(self.program.clone()).args(self.arguments).args([program("ping-pong")]);
        builder.args(actions).start()
    }

    fn up(&self, actions: &[&str]) -> Namespace {
        let mut namespace = self.with(&[actions, &["say", "up", "hang"]].concat());
        namespace.line("up");
        namespace
    }
}

fn codes(init: &Init) -> String {
    let seven = init.with(&["exit", "7"]).ended().code;
    let killed = init.with(&["die", "KILL"]).ended().code;
    format!("{seven}, {killed}")
}

fn reaped_in(init: &Init) -> String {
    let mut namespace = init.with(&["orphans", &ORPHANS.to_string(), "0", "say", "made", "hang"]);
    let begin = Instant::now();
    namespace.line("made");
    eventually("no zombie", || (namespace.others().len() == 1).then_some(()));
    format!("{} ms", begin.elapsed().as_millis())
}

/// TERMs that the child hears of two, and that of its group's members left behind.
fn terms(init: &Init) -> String {
    let mut namespace = init.up(&["count", "TERM"]);
    namespace.signal(Signal::SIGTERM);
    namespace.line("got TERM 1");
    // It may have ended.
    let _ = nix::sys::signal::kill(namespace.first(), Signal::SIGTERM);
    match ended_within(&namespace, Duration::from_secs(1)) {
        Some(_) => "1".to_owned(),
        None => namespace.transcript().matches("got TERM").count().to_string(),
    }
}

fn ended_within(namespace: &Namespace, limit: Duration) -> Option<Duration> {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        if Process::read(namespace.first()).is_none_or(|p| p.is_zombie()) {
            return Some(begin.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

fn stop_in(init: &Init, actions: &[&str]) -> String {
    let namespace = init.up(actions);
    namespace.signal(Signal::SIGTERM);
    ended_within(&namespace, STOP).map_or("-".to_owned(), |took| format!("{} ms", took.as_millis()))
}

/// Context switches of all its threads.
fn switches(namespace: &Namespace) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", namespace.first())).expect("its threads");
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok())
        .filter_map(|status| {
            status
                .lines()
                .find_map(|l| l.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok())
        })
        .sum()
}

fn idle(init: &Init) -> (String, String) {
    let namespace = init.up(&[]);
    let resident = namespace.status().resident_kib().unwrap_or_default();
    let before = switches(&namespace);
    // Nothing is waited for: the time itself is what is measured.
    std::thread::sleep(IDLE);
    (format!("{resident} KiB"), (switches(&namespace) - before).to_string())
}

#[test]
#[ignore = "a measurement: scripts/bench pid1"]
fn side_by_side() {
    let mut table = String::from(
        "| | exit codes of 7 and KILL | 1000 orphans reaped | TERMs that its child hears of two | stop, child obeys | \
         stop, child ignores TERM | resident | wake-ups in 10 s |\n|---|---|---|---|---|---|---|---|\n",
    );
    for init in inits() {
        let (resident, wakes) = idle(&init);
        let cells = [
            init.name.to_owned(),
            codes(&init),
            reaped_in(&init),
            terms(&init),
            stop_in(&init, &["obey", "TERM"]),
            stop_in(&init, &["count", "TERM"]),
            resident,
            wakes,
        ];
        table.push_str(&["| ", &cells.join(" | "), " |\n"].concat());
    }
    std::io::stdout().write_all(table.as_bytes()).expect("somebody reads it");
}
