//! Tests on a whole machine under QEMU: Debian with systemd and its Docker on cgroup v2, and a power
//! supply that can fail.
//!
//! `tests/vm/run` prepares everything and starts this; one line per scenario, and one at the end.

mod accelerator;
mod agent;
mod disk;
mod error;
mod gateway;
mod guest;
mod qemu;
mod scenarios;

use error::{Attempt, Result};
use guest::Guest;
use qemu::Hardware;
use scenarios::{Lab, STORIES, Story};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let Some(files) = args.next() else {
        say("usage: openshell-vm-tests DIRECTORY [STORY]…; tests/vm/run makes the directory");
        return ExitCode::from(2);
    };
    let only: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    // Backing files are looked for beside the image that names them.
    let files = std::fs::canonicalize(&files).attempting(|| format!("no directory {}", files.display()));
    match files.and_then(|files| all(&files, &only)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(e) => {
            say(&format!("vm: {e}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the stories. Returns how many steps failed.
fn all(files: &Path, only: &[String]) -> Result<usize> {
    let begin = Instant::now();
    let mut hardware =
        Hardware { files: files.to_owned(), disk: PathBuf::new(), drives: Vec::new(), accelerator: "" };
    hardware.accelerator = accelerator::probe(&hardware)?;
    let base = disk::loaded(files, hardware.accelerator)?;
    say(&format!("machine ready by {} after {} s", hardware.accelerator, begin.elapsed().as_secs()));
    let (mut passed, mut failed) = (0, 0);
    for story in STORIES.iter().filter(|story| only.is_empty() || only.iter().any(|name| name == story.name))
    {
        let disk = files.join(format!("{}.qcow2", story.name));
        disk::overlay(&base, "qcow2", &disk)?;
        let ok = tell(
            story,
            Hardware { disk: disk.clone(), drives: Vec::new(), files: files.to_owned(), ..hardware },
        )?;
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
