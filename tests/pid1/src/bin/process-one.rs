//! The smallest user of `openshell-pid1`: starts one command, ends it by the stop ladder when asked to,
//! and exits with its code, 128 + n after signal n, or 126 or 127 if it can't be started.
//!
//! usage: `process-one [--budget SECONDS] COMMAND [ARGUMENT]…`

use nix::unistd::Pid;
use openshell_pid1::stop::Stop;
use openshell_pid1::{Broker, ChildId, Exit, Request};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

enum Event {
    Stop,
    Dump,
    Exited(Exit),
}

fn main() -> ExitCode {
    let (events, received) = channel();
    let (told, hurry) = (events.clone(), Arc::new(AtomicBool::new(false)));
    let hurried = hurry.clone();
    let started = openshell_pid1::start(move |request| {
        let _ = match request {
            Request::Stop => told.send(Event::Stop),
            Request::Dump => told.send(Event::Dump),
            Request::Hurry => {
                hurried.store(true, Ordering::Relaxed);
                Ok(())
            }
        };
    });
    let broker = match started {
        Ok(broker) => broker,
        Err(e) => return refuse(125, &format!("the system refuses signal handlers: {e}")),
    };
    if let Err(e) = openshell_pid1::detach() {
        return refuse(125, &format!("can't let go of what was handed down: {e}"));
    }
    if broker.protect_from_oom().is_err() {
        say("not protected when memory is short: that needs CAP_SYS_RESOURCE");
    }
    if Pid::this().as_raw() != 1
        && let Err(e) = nix::sys::prctl::set_child_subreaper(true)
    {
        return refuse(125, &format!("neither process 1 nor a subreaper: {e}"));
    }
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let mut budget = Duration::from_secs(9);
    if words.first().is_some_and(|word| word == "--budget") {
        let Some(seconds) = words.get(1).and_then(|s| s.parse().ok()) else {
            return refuse(125, "--budget takes seconds");
        };
        budget = Duration::from_secs(seconds);
        words.drain(..2);
    }
    let [program, arguments @ ..] = &words[..] else {
        return refuse(125, "usage: process-one [--budget SECONDS] COMMAND [ARGUMENT]…");
    };
    let told = events.clone();
    let child = broker.spawn(Command::new(program).args(arguments), move |exit| {
        let _ = told.send(Event::Exited(exit));
    });
    match child {
        Ok(child) => live(&broker, child.id, budget, hurry, &received),
        Err(e) => refuse(e.exit_code(), &e.to_string()),
    }
}

fn live(
    broker: &Broker,
    child: ChildId,
    budget: Duration,
    hurry: Arc<AtomicBool>,
    events: &Receiver<Event>,
) -> ExitCode {
    loop {
        match events.recv() {
            Ok(Event::Exited(exit)) => return exit.shell_code().into(),
            Ok(Event::Dump) => {
                say(&format!("children {:?}, {} orphans", broker.children(), broker.orphans()));
            }
            Ok(Event::Stop) => break,
            // The senders live as long as the reaper, which never ends.
            Err(_) => return ExitCode::FAILURE,
        }
    }
    let stop = Stop { k3s: Some(child), budget, hurry };
    stop.run(broker, |phase| say(&format!("{phase:?}")));
    // The reaper may be just about to tell it.
    let deadline = Instant::now() + Duration::from_millis(100);
    while let Ok(event) = events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if let Event::Exited(exit) = event {
            return exit.shell_code().into();
        }
    }
    ExitCode::FAILURE
}

fn refuse(code: u8, text: &str) -> ExitCode {
    say(text);
    ExitCode::from(code)
}

fn say(text: &str) {
    use std::io::Write;
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "process-one: {text}");
}
