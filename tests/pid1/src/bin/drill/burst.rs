//! Watched children with known codes beside as many orphans, all at once.

use openshell_pid1::{Broker, Exit, proc};
use std::io;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(2);
/// How many shells make orphans side by side.
const MAKERS: usize = 4;

pub fn run(broker: &Broker, n: usize) -> io::Result<String> {
    let start = Instant::now();
    // Each `(… &)` forks a shell that forks the orphan and ends.
    let orphans = n / MAKERS;
    let script = format!("i=0; while [ $i -lt {orphans} ]; do ( (exit 3) & ); i=$((i+1)); done");
    let (told, ends) = channel();
    for _ in 0..MAKERS {
        spawn(broker, &script, 0, told.clone())?;
    }
    for i in 0..n {
        let code = u8::try_from(i % 256).map_err(io::Error::other)?;
        spawn(broker, &format!("exit {code}"), code, told.clone())?;
    }
    drop(told);
    // The channel ends when the last watched child has told its end, or never will.
    let (mut right, mut wrong) = (0, 0);
    let deadline = Instant::now() + PATIENCE;
    while let Ok((code, exit)) = ends.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if exit == Exit::Code(code) { right += 1 } else { wrong += 1 }
    }
    let orphans = (orphans * MAKERS) as u64;
    let others = || proc::all().into_iter().filter(|p| p.pid.as_raw() != 1).collect::<Vec<_>>();
    while (broker.orphans() < orphans || !others().is_empty()) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(format!(
        "{right} of {} right, {wrong} wrong, {} of {orphans} orphans, {} zombies, {} ms",
        n + MAKERS,
        broker.orphans(),
        others().iter().filter(|p| p.zombie).count(),
        start.elapsed().as_millis()
    ))
}

fn spawn(
    broker: &Broker,
    script: &str,
    code: u8,
    told: std::sync::mpsc::Sender<(u8, Exit)>,
) -> io::Result<()> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).stdin(Stdio::null());
    let exited = move |exit| {
        // The receiver gives up only after its patience.
        let _ = told.send((code, exit));
    };
    broker.spawn(&mut command, exited).map(drop).map_err(io::Error::other)
}
