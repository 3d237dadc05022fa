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

/// s6 is no wrapper: it scans a directory of services. One whose end is the end of all, with its code, is what an
/// image of s6-overlay makes of it (skarnet.org/software/s6, `s6-svscan`, "finish").
const S6: &str = r#"
dir=$(mktemp -d); mkdir "$dir/it" "$dir/.s6-svscan"; export DIR=$dir
printf '#!/bin/sh\nexec' >"$dir/it/run"; printf ' "%s"' "$@" >>"$dir/it/run"
printf '#!/bin/sh\n[ "$1" -lt 256 ] && echo "$1" >"$DIR/code" || echo $((128 + $2)) >"$DIR/code"\ns6-svscanctl -t "$DIR"\n' >"$dir/it/finish"
printf '#!/bin/sh\nexit "$(cat "$DIR/code")"\n' >"$dir/.s6-svscan/finish"
chmod +x "$dir/it/run" "$dir/it/finish" "$dir/.s6-svscan/finish"
exec "$0" "$dir"
"#;

struct Init {
    name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
    /// What becomes the program, given the program and what its child shall be.
    through: &'static [&'static str],
    /// Processes of its own besides its first.
    helpers: usize,
}

fn inits() -> Vec<Init> {
    let of = |name: &'static str, program: PathBuf| Init {
        name,
        program,
        arguments: &["--"],
        through: &[],
        helpers: 0,
    };
    let bin = |name: &str| PathBuf::from("/usr/bin").join(name);
    let wrappers = ["tini", "dumb-init", "catatonit"].map(|name| of(name, bin(name)));
    let s6 = Init { arguments: &[], through: &["sh", "-ec", S6], helpers: 1, ..of("s6", bin("s6-svscan")) };
    let ours = Init { arguments: &[], ..of("openshell-pid1", program("process-one")) };
    let installed = wrappers.into_iter().chain([s6]).filter(|init| init.program.exists());
    std::iter::once(ours).chain(installed).collect()
}

impl Init {
    fn with(&self, actions: &[&str]) -> Namespace {
        let builder = Builder::new(self.program.clone()).args(self.arguments).args([program("ping-pong")]);
        builder.args(actions).through(self.through).start()
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

/// From the first one's making to the last one's reaping.
fn reaped(init: &Init) -> String {
    let mut namespace = init.with(&["orphans", &ORPHANS.to_string(), "0", "say", "made", "hang"]);
    let begin = Instant::now();
    namespace.line("made");
    eventually("no zombie", || (namespace.others().len() == 1 + init.helpers).then_some(()));
    format!("{:.0} /s", f64::from(ORPHANS) / begin.elapsed().as_secs_f64())
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
        "| | exit codes of 7 and KILL | orphans made and reaped | TERMs that its child hears of two | stop, child obeys | \
         stop, child ignores TERM | resident | wake-ups in 10 s |\n|---|---|---|---|---|---|---|---|\n",
    );
    for init in inits() {
        let (resident, wakes) = idle(&init);
        let cells = [
            init.name.to_owned(),
            codes(&init),
            reaped(&init),
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
