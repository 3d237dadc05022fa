//! A child that does what a test tells it, one action after the other, and reports it a line each, so
//! that no test has to sleep.
//!
//! As `k3s` (installed or mounted over `/bin/k3s`, called with `server …`) it takes its actions from the
//! environment variable `PING_PONG`, or else from the file `k3s.actions` beside it, read at each start;
//! without either it does `count TERM hang`.

mod action;
mod signals;

use action::Action;
use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "\
usage: ping-pong ACTION…

  to PATH          report to this file or named pipe from now on (otherwise to standard output)
  obey SIGNAL      exit 0 at this signal, once the actions are done (`hang`)
  count SIGNAL     take this signal and report `got SIGNAL n`, n counted from 1
  self             report fds, stdin, pid, pgid, sid, cwd, oom_score_adj and environment
                   (not its signal sets: Rust changes them before `main`; read those of a C program)
  say TEXT         report it
  orphans N CODE   leave N children to process 1, all of which exit with CODE
  holder           leave a child in a session of its own that keeps standard output and error open
  leave N          leave N children in sessions of their own, which ignore TERM and live on
  flood BYTES      write so much to standard output, or without end if 0
  wait PATH        wait until this named pipe says something
  exit CODE        exit with it
  die SIGNAL       end by this signal
  stop             stop as by ^Z, until somebody continues it
  hang             do nothing but take signals
Without `exit`, `die` or `hang` it exits 0.
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words = if words.first().is_some_and(|word| word == "server") { as_k3s() } else { words };
    let actions = match action::parse(&words) {
        Ok(actions) if !actions.is_empty() => actions,
        Ok(_) => return usage("no action"),
        Err(e) => return usage(&e),
    };
    let done = signals::take(&actions).and_then(|taken| Action::run_all(&actions, &taken));
    done.unwrap_or_else(|e| usage(&e.to_string()))
}

fn as_k3s() -> Vec<String> {
    let beside = || {
        let me = std::env::current_exe().ok()?;
        std::fs::read_to_string(me.with_file_name("k3s.actions")).ok()
    };
    let text = std::env::var("PING_PONG").ok().or_else(beside);
    text.as_deref().unwrap_or("count TERM hang").split_whitespace().map(str::to_owned).collect()
}

fn usage(error: &str) -> ExitCode {
    // Nobody may be there to read it.
    let _ = write!(std::io::stderr(), "ping-pong: {error}\n\n{USAGE}");
    ExitCode::from(2)
}
