//! Tests on a whole machine: Debian with systemd and its Docker on cgroup v2, and a power
//! supply that can fail.
//!
//! `tests/vm/run` prepares everything and starts this; one line per scenario, and one at the end.

mod accelerator;
mod agent;
mod disk;
mod error;
mod gateway;
mod guest;
mod machine;
mod qemu;
mod scenarios;
mod uml;

use disk::Disk;
use error::{Attempt, Result};
use guest::Guest;
use machine::Hardware;
use scenarios::{Lab, STORIES, Story};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let Some(files) = args.next() else {
        say("usage: openshell-vm-tests DIRECTORY [--has-kvm | STORY…]; tests/vm/run makes the directory");
        return ExitCode::from(2);
    };
    let only: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    // Backing files are looked for beside the image that names them.
    let files = std::fs::canonicalize(&files).attempting(|| format!("no directory {}", files.display()));
    let result = match only.as_slice() {
        [flag] if flag == "--has-kvm" => files.and_then(|files| accelerator::kvm_works(&files)),
        _ => files.and_then(|files| all(&files, &only)).map(|failed| failed == 0),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            say(&format!("vm: {e}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the stories. Returns how many steps failed.
fn all(files: &Path, only: &[String]) -> Result<usize> {
    let begin = Instant::now();
    let accelerator = accelerator::probe(files)?;
    let base = disk::loaded(files, accelerator)?;
    say(&format!("machine ready by {accelerator} after {} s", begin.elapsed().as_secs()));
    let (mut passed, mut failed) = (0, 0);
    for story in STORIES.iter().filter(|story| only.is_empty() || only.iter().any(|name| name == story.name))
    {
        let disk = Disk::on(&base, accelerator, files.join(format!("{}.disk", story.name)))?;
        let hardware =
            Hardware { files: files.to_owned(), disk: disk.clone(), drives: Vec::new(), accelerator };
        let ok = tell(story, hardware)?;
        // That of a story that failed is left to be looked at.
        if ok == story.steps.len() {
            disk.remove()?;
        }
        passed += ok;
        failed += story.steps.len() - ok;
    }
    say(&format!("vm: {passed} passed, {failed} failed, {} s", begin.elapsed().as_secs()));
    Ok(failed)
}

/// Runs the steps of a story, up to the first that fails: the next ones build on it. Returns how many
/// passed.
fn tell(story: &Story, hardware: Hardware) -> Result<usize> {
    let mut lab = Lab { guest: Guest::new(hardware)?, identity: None, counter: 0 };
    for (index, (name, step)) in story.steps.iter().enumerate() {
        let begin = Instant::now();
        let result = step(&mut lab);
        let seconds = begin.elapsed().as_secs();
        match result {
            Ok(note) => say(&format!("ok      {name} ({seconds} s): {note}")),
            Err(e) => {
                say(&format!("FAILED  {name} ({seconds} s): {e}"));
                let log = lab.guest.run(&format!("docker logs --tail 60 {} 2>&1", gateway::CONTAINER));
                say(&log.map_or_else(|e| e.to_string(), |(log, _)| log));
                for (name, _) in &story.steps[index + 1..] {
                    say(&format!("FAILED  {name}: not tried, what it builds on failed"));
                }
                return Ok(index);
            }
        }
    }
    Ok(story.steps.len())
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe loses only the words; the exit code says the rest.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
