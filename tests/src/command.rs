//! Runs a program to its end and keeps what it said.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What a program said and how it ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// The command line, for messages.
    pub command: String,
    /// Exit code; -1 for a death by signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output of a program that ended with 0.
    ///
    /// # Panics
    /// It ended otherwise.
    #[must_use]
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.stdout
    }
}

/// Runs `command`, with `input` on its standard input.
///
/// # Panics
/// It can't be started.
#[must_use]
pub fn run(command: &mut Command, input: &str) -> Output {
    let line = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("can't start {line}: {e}"));
    if let Some(mut stdin) = child.stdin.take() {
        // A program that doesn't read its input ends by its own rules.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().unwrap_or_else(|e| panic!("can't wait for {line}: {e}"));
    Output {
        command: line,
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs `docker` with `args`.
#[must_use]
pub fn docker<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    run(Command::new("docker").args(args), "")
}

/// Prints how long something took, for whoever keeps count of it.
///
/// # Panics
/// Standard error is closed.
pub fn measured(what: &str, since: Instant) {
    let line = format!("measured: {what}: {} ms\n", since.elapsed().as_millis());
    std::io::stderr().write_all(line.as_bytes()).expect("standard error");
}

/// Tells that the machine is not one on which a test shows anything, and why.
///
/// # Panics
/// Standard error is closed.
pub fn not_shown(why: &str) {
    std::io::stderr().write_all(format!("not shown here: {why}\n").as_bytes()).expect("standard error");
}
