//! A small namespace: process ids come back, and run out. `pid_max` belongs to the namespace since
//! Linux 6.14.

use nix::sys::signal::Signal;
use openshell_pid1::{Broker, Child, Exit};
use std::error::Error;
use std::io;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Few, so that they come back soon.
const PID_MAX: &str = "400";
/// Numbers below are given out once only (`RESERVED_PIDS`, Linux `include/linux/pid.h`).
const RESERVED: i32 = 300;
const PATIENCE: Duration = Duration::from_mins(1);

/// Spins until a second child has the number of a first one that is gone.
pub fn reuse(broker: &Broker) -> io::Result<String> {
    std::fs::write("/proc/sys/kernel/pid_max", PID_MAX)?;
    let deadline = Instant::now() + PATIENCE;
    let first = loop {
        let child = ended(broker)?;
        if child.id.pid().as_raw() >= RESERVED {
            break child;
        }
    };
    loop {
        let (told, end) = channel();
        let second = start(broker, "sleep 1000", move |exit| {
            // Nobody asks for the end of one that had another number.
            let _ = told.send(exit);
        })?;
        let same = second.id.pid() == first.id.pid();
        if same {
            let hit =
                broker.signal(first.id, Signal::SIGKILL) | broker.signal_group(first.id, Signal::SIGKILL);
            let gone = broker.wait_gone(first.id, Instant::now());
            let alive = end.try_recv().is_err() && broker.signal(second.id, Signal::SIGCONT);
            return Ok(format!(
                "the first one was hit: {hit}, is gone: {gone}; the second one lives: {alive}"
            ));
        }
        if !broker.signal(second.id, Signal::SIGKILL) || !broker.wait_gone(second.id, deadline) {
            return Err(io::Error::other("the number never came back"));
        }
    }
}

/// Starts children until no number is free, then ends one while another start is waiting for it.
pub fn exhaust(broker: &Broker) -> io::Result<String> {
    std::fs::write("/proc/sys/kernel/pid_max", PID_MAX)?;
    let mut children = Vec::new();
    let refused = loop {
        match broker.spawn(Command::new("sleep").arg("1000"), |_| {}) {
            Ok(child) => children.push(child),
            Err(e) => break e,
        }
    };
    let why = refused.source().map(ToString::to_string).unwrap_or_default();
    let last = children.last().ok_or(io::ErrorKind::NotFound)?;
    let (ender, one) = (broker.clone(), last.id);
    let freed = std::thread::Builder::new().spawn(move || ender.signal(one, Signal::SIGKILL));
    // Neither is there a number for a thread.
    let freed = match freed {
        Ok(thread) => thread.join().unwrap_or(false),
        Err(_) => broker.signal(one, Signal::SIGKILL),
    };
    let again = start(broker, "exit 0", |_| {}).is_ok();
    Ok(format!(
        "after {} children: {refused} ({why}); one ended: {freed}; started again: {again}",
        children.len()
    ))
}

fn start(broker: &Broker, script: &str, on_exit: impl FnOnce(Exit) + Send + 'static) -> io::Result<Child> {
    broker.spawn(Command::new("/bin/sh").args(["-c", script]), on_exit).map_err(io::Error::other)
}

fn ended(broker: &Broker) -> io::Result<Child> {
    let child = start(broker, "exit 0", |_| {})?;
    if broker.wait_gone(child.id, Instant::now() + PATIENCE) {
        Ok(child)
    } else {
        Err(io::ErrorKind::TimedOut.into())
    }
}
