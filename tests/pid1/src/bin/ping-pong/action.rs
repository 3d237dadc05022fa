//! What it can do.

use crate::signals::Taken;
use nix::sys::signal::{Signal, raise};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// One word of the script, with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    To(String),
    Obey(Signal),
    Count(Signal),
    SelfReport,
    Say(String),
    Orphans(u32, u8),
    Holder,
    Leave(u32),
    Flood(u64),
    Wait(String),
    Exit(u8),
    Die(Signal),
    Stop,
    Hang,
}

/// Reads a script.
pub fn parse(words: &[String]) -> Result<Vec<Action>, String> {
    let mut words = words.iter();
    let mut actions = Vec::new();
    while let Some(word) = words.next() {
        let mut argument = || words.next().cloned().ok_or(format!("{word} takes more arguments"));
        actions.push(match word.as_str() {
            "to" => Action::To(argument()?),
            "obey" => Action::Obey(signal(&argument()?)?),
            "count" => Action::Count(signal(&argument()?)?),
            "self" => Action::SelfReport,
            "say" => Action::Say(argument()?),
            "orphans" => Action::Orphans(number(&argument()?)?, number(&argument()?)?),
            "holder" => Action::Holder,
            "leave" => Action::Leave(number(&argument()?)?),
            "flood" => Action::Flood(number(&argument()?)?),
            "wait" => Action::Wait(argument()?),
            "exit" => Action::Exit(number(&argument()?)?),
            "die" => Action::Die(signal(&argument()?)?),
            "stop" => Action::Stop,
            "hang" => Action::Hang,
            other => return Err(format!("unknown action {other:?}")),
        });
    }
    Ok(actions)
}

fn signal(name: &str) -> Result<Signal, String> {
    format!("SIG{name}").parse().map_err(|_| format!("unknown signal {name:?}"))
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is no number here"))
}

impl Action {
    /// Does all of them, in order.
    pub fn run_all(actions: &[Self], taken: &Taken) -> io::Result<ExitCode> {
        for action in actions {
            if let Some(code) = action.run(taken)? {
                return Ok(code);
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn run(&self, taken: &Taken) -> io::Result<Option<ExitCode>> {
        let report = &taken.report;
        match self {
            Self::Obey(_) | Self::Count(_) => {}
            Self::To(path) => report.to(path)?,
            Self::SelfReport => own_state()?.iter().for_each(|line| report.line(line)),
            Self::Say(text) => report.line(text),
            // The shell leaves its children running, and ends.
            Self::Orphans(n, code) => {
                shell(&format!("i=0; while [ $i -lt {n} ]; do ( (exit {code}) & ); i=$((i+1)); done"))?;
            }
            Self::Holder => leave_behind(Stdio::inherit, Stdio::inherit)?,
            Self::Leave(n) => (0..*n).try_for_each(|_| leave_behind(Stdio::null, Stdio::null))?,
            Self::Flood(bytes) => flood(*bytes)?,
            Self::Wait(path) => drop(File::open(path)?.read(&mut [0])?),
            Self::Exit(code) => return Ok(Some(ExitCode::from(*code))),
            // Rust's own handler of SEGV and BUS only steps back at the first one.
            Self::Die(signal) => (0..2).try_for_each(|_| raise(*signal))?,
            Self::Stop => raise(Signal::SIGSTOP)?,
            Self::Hang => {
                if taken.obeyed.recv().is_ok() {
                    return Ok(Some(ExitCode::SUCCESS));
                }
                // There is no signal to take.
                loop {
                    std::thread::park();
                }
            }
        }
        Ok(None)
    }
}

fn shell(script: &str) -> io::Result<()> {
    Command::new("sh").args(["-c", script]).status().map(drop)
}

/// Leaves a child in a session of its own, deaf to TERM: a `sleep` as soon as it has become one.
fn leave_behind(out: fn() -> Stdio, err: fn() -> Stdio) -> io::Result<()> {
    let script = "trap '' TERM; setsid -f sleep 1000000";
    Command::new("sh").args(["-c", script]).stdout(out()).stderr(err()).process_group(0).status().map(drop)
}

fn flood(bytes: u64) -> io::Result<()> {
    let line = [b"0123456789abcde".repeat(8), b"ping-\n".to_vec()].concat();
    let block = line.repeat(512);
    let mut out = io::stdout().lock();
    let mut left = if bytes == 0 { u64::MAX } else { bytes };
    while left > 0 {
        let take = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        out.write_all(&block[..take])?;
        left -= take as u64;
    }
    out.flush()
}

fn own_state() -> io::Result<Vec<String>> {
    // The directory's own descriptor is in the listing, and closed when it is over.
    let mut fds: Vec<u32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok_and(|to| !is_own(&to)))
        .collect();
    fds.sort_unstable();
    let mut lines = vec![format!("fds {fds:?}")];
    let link = |path: &str| std::fs::read_link(path).map(|to| to.display().to_string());
    lines.push(format!("stdin {}", link("/proc/self/fd/0").unwrap_or_else(|e| e.to_string())));
    lines.push(format!("pid {}", nix::unistd::getpid()));
    lines.push(format!("pgid {}", nix::unistd::getpgrp()));
    lines.push(format!("sid {}", nix::unistd::getsid(None)?));
    lines.push(format!("cwd {}", link("/proc/self/cwd")?));
    lines.push(format!("oom_score_adj {}", std::fs::read_to_string("/proc/self/oom_score_adj")?.trim()));
    lines.extend(std::env::vars().map(|(name, value)| format!("env {name}={value}")));
    lines.push("self done".to_owned());
    Ok(lines)
}

/// The descriptor that the listing itself needs.
fn is_own(to: &std::path::Path) -> bool {
    let to = to.to_string_lossy();
    to.ends_with("/fd") && to.starts_with("/proc/")
}

/// Where reports go, shared with the thread that takes signals.
#[derive(Clone, Default)]
pub struct Report {
    file: Arc<Mutex<Option<File>>>,
}

impl Report {
    fn to(&self, path: &str) -> io::Result<()> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(())
    }

    /// Writes one line in one `write(2)`. Nobody may be there to read it.
    pub fn line(&self, text: &str) {
        let line = format!("{text}\n");
        let _ = match &mut *self.file.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => file.write_all(line.as_bytes()),
            None => io::stdout().write_all(line.as_bytes()),
        };
    }
}
