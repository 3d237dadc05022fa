use crate::{PATIENCE, Process, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// What shall be process 1.
#[derive(Debug)]
pub struct Builder {
    program: PathBuf,
    command: Command,
    words: Vec<OsString>,
    read_stdout: bool,
}

/// A program that is process 1 of its namespace. Dropping it ends everything in there.
#[derive(Debug)]
pub struct Namespace {
    unshare: Child,
    first: Option<Pid>,
    lines: Receiver<String>,
    seen: Vec<String>,
    stdout: Option<ChildStdout>,
}

/// How a process 1 ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code, or 128 + n after signal n.
    pub code: i32,
    /// Time since [`Namespace::ended`] was asked.
    pub after: Duration,
    /// Every line that it has printed.
    pub lines: Vec<String>,
}

impl Builder {
    /// `program` as process 1.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--mount", "--fork", "--mount-proc", "--kill-child"]);
        Self { words: vec![program.clone().into()], program, command, read_stdout: true }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.words.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Starts the program through another one that becomes it (`prlimit`, `env`, `sh -c 'exec "$0" "$@"'`).
    #[must_use]
    pub fn through<S: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = S>) -> Self {
        self.words.splice(0..0, wrapper.into_iter().map(|w| w.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn current_dir(mut self, path: impl AsRef<std::path::Path>) -> Self {
        self.command.current_dir(path);
        self
    }

    /// Leaves its standard output unread, as a log driver that hangs does.
    #[must_use]
    pub fn unread(mut self) -> Self {
        self.read_stdout = false;
        self
    }

    /// Starts it, and waits until the program is process 1. It has run no instruction of its own then,
    /// or many.
    ///
    /// # Panics
    /// It can't be started: not root, or no `unshare`.
    #[must_use]
    pub fn start(mut self) -> Namespace {
        self.command.arg("--").args(&self.words);
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut unshare = self.command.spawn().expect("unshare (util-linux) starts");
        let (sender, lines) = channel();
        let mut stdout = unshare.stdout.take();
        if self.read_stdout
            && let Some(stdout) = stdout.take()
        {
            pass_on(stdout, sender.clone());
        }
        if let Some(stderr) = unshare.stderr.take() {
            pass_on(stderr, sender);
        }
        let mut namespace = Namespace { unshare, first: None, lines, seen: Vec::new(), stdout };
        let exe = self.program.canonicalize().expect("the program exists");
        namespace.first = eventually("the program to be process 1", || {
            if namespace.unshare.try_wait().expect("unshare can be waited for").is_some() {
                // It is over already; how it ended shows in `ended`.
                return Some(None);
            }
            let first = only_child(namespace.unshare.id())?;
            let is = std::fs::read_link(format!("/proc/{first}/exe")).ok()?;
            (is == exe).then_some(Some(first))
        });
        namespace
    }

    /// Starts it and waits until it handles TERM: any later signal counts.
    ///
    /// # Panics
    /// As [`Builder::start`], or it never does.
    #[must_use]
    pub fn ready(self) -> Namespace {
        let namespace = self.start();
        namespace.wait_for_handler(Signal::SIGTERM);
        namespace
    }
}

impl Namespace {
    /// Process 1, seen from outside.
    ///
    /// # Panics
    /// It had ended before it could be looked at.
    #[must_use]
    pub fn first(&self) -> Pid {
        self.first.expect("process 1 has been seen")
    }

    /// What `/proc` says of process 1.
    ///
    /// # Panics
    /// It is gone.
    #[must_use]
    pub fn status(&self) -> Process {
        Process::read(self.first()).expect("process 1 is there")
    }

    /// Waits until process 1 handles `signal`.
    pub fn wait_for_handler(&self, signal: Signal) {
        eventually("a handler", || {
            (Process::read(self.first())?.signals("SigCgt") & (1 << (signal as u64 - 1)) != 0).then_some(())
        });
    }

    /// Sends a signal to process 1, as the container's engine does.
    ///
    /// # Panics
    /// It is gone.
    pub fn signal(&self, signal: Signal) {
        kill(self.first(), signal).expect("process 1 is there");
    }

    /// Sends a signal by number, real-time ones included.
    ///
    /// # Panics
    /// It is gone.
    pub fn signal_number(&self, number: i32) {
        let status = Command::new("kill").args([format!("-{number}"), self.first().to_string()]).status();
        assert!(status.expect("kill (procps) runs").success(), "process 1 is there");
    }

    /// The other processes of its namespace, zombies included.
    #[must_use]
    pub fn others(&self) -> Vec<Process> {
        Process::others_in_namespace_of(self.first())
    }

    /// Waits for a process of this name besides process 1.
    #[must_use]
    pub fn process(&self, name: &str) -> Process {
        eventually(name, || self.others().into_iter().find(|p| p.name() == name && !p.is_zombie()))
    }

    /// The next printed line that contains `part`. Lines before it are passed over.
    ///
    /// # Panics
    /// None comes within [`PATIENCE`].
    pub fn line(&mut self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(e) => panic!("no line with {part:?} ({e}):\n{}", self.transcript()),
            }
        }
    }

    /// All that it has printed until now.
    pub fn transcript(&mut self) -> String {
        self.seen.extend(self.lines.try_iter());
        self.seen.iter().fold(String::new(), |mut all, line| {
            let _ = writeln!(all, "{line}");
            all
        })
    }

    /// Its standard output, when it was to be left [`Builder::unread`].
    #[must_use]
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.stdout.take()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It lives on beyond [`PATIENCE`].
    #[must_use]
    pub fn ended(mut self) -> Ended {
        let start = Instant::now();
        let status: ExitStatus = {
            let deadline = start + PATIENCE;
            loop {
                if let Some(status) = self.unshare.try_wait().expect("unshare can be waited for") {
                    break status;
                }
                assert!(Instant::now() < deadline, "process 1 doesn't end:\n{}", self.transcript());
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let after = start.elapsed();
        // The readers end with the namespace, in which nobody is left to hold a pipe open.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        let code = status.code().or_else(|| status.signal().map(|n| 128 + n)).unwrap_or(-1);
        Ended { code, after, lines: std::mem::take(&mut self.seen) }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Both may be gone already. The kernel ends the rest with process 1.
        if let Some(first) = self.first
            && matches!(self.unshare.try_wait(), Ok(None))
        {
            let _ = kill(first, Signal::SIGKILL);
        }
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

/// The child that `unshare` forked. Its number outside is written nowhere else.
fn only_child(unshare: u32) -> Option<Pid> {
    let children = std::fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok().map(Pid::from_raw)
}

fn pass_on(stream: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stream).split(b'\n').map_while(Result::ok);
        lines.try_for_each(|line| to.send(String::from_utf8_lossy(&line).into_owned()))
    });
}
