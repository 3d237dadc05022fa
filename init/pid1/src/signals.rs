//! What each signal means to process 1.
//!
//! | signal | default | here |
//! |---|---|---|
//! | TERM, INT, PWR, RTMIN+3 | death | stop in order; any second one of them: hurry; later ones: nothing more |
//! | QUIT | core | say what is going on, and go on |
//! | CHLD | nothing | reap |
//! | HUP | death | nothing. Not "reload": the settings are read once per start, and a change of the log's level alone would be a second way to set it that nobody could see afterwards |
//! | USR1, USR2 | death | nothing. Any signal sent by `docker kill` takes the container out of its restart policy, so that none is a way to talk to process 1; the socket is |
//! | ALRM, VTALRM, PROF, IO, STKFLT, SYS, TRAP, XCPU, XFSZ, the other real-time ones | death | nothing: for process 1 of a PID namespace the kernel drops what has no handler (`pid_namespaces(7)`) |
//! | WINCH, URG, CONT | nothing | nothing, and passed on to nobody |
//! | TSTP, TTIN, TTOU | stop | nothing, as above |
//! | PIPE | death | ignored (by Rust's runtime); the write says EPIPE |
//! | SEGV, BUS, ILL, FPE, ABRT | core | as a fault of our own: death, after a line from Rust's runtime on a stack overflow; sent by others: nothing |
//! | KILL, STOP | | the kernel's own; effective only from outside of the namespace |
//!
//! RTMIN+3 is systemd's "halt" (`systemd(1)`), which tools send that take every process 1 for systemd;
//! PWR is what an UPS monitor sends.
//!
//! Signals of one kind that come faster than they are taken count as one. The handler is that of
//! `signal-hook`: it sets a flag and writes one byte to a pipe, both safe in a handler
//! (`signal-safety(7)`). All else happens on the reaper's thread, the only one that takes signals: so it can hold
//! them back while this program becomes another one ([`Broker::become_program`]). `clippy.toml` forbids other handlers.

use crate::{Broker, SuccessionError};
use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use std::io;

/// Power failure, which `signal-hook` has no name for.
const SIGPWR: i32 = Signal::SIGPWR as i32;
/// The first real-time signal that the C library leaves to programs is 34, or 35 with musl; systemd
/// counts from 34.
const SIGRTMIN_PLUS_3: i32 = 37;
/// What always gets a handler.
const TAKEN: [i32; 9] =
    [SIGCHLD, SIGTERM, SIGINT, SIGPWR, SIGRTMIN_PLUS_3, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2];

/// What a signal asks of process 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Stop in order: the first of TERM, INT, PWR and RTMIN+3.
    Stop,
    /// Stop at once: any later one of them. Said once; a storm says no more than that.
    Hurry,
    /// Say what is going on: QUIT.
    Dump,
}

/// Whether a stop was asked for, and how often: all that has to be remembered between two signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    Stop,
    Hurry,
}

impl Asked {
    /// What `signal` asks now.
    fn take(&mut self, signal: i32) -> Option<Request> {
        match (signal, *self) {
            (SIGTERM | SIGINT | SIGPWR | SIGRTMIN_PLUS_3, Self::Nothing) => {
                *self = Self::Stop;
                Some(Request::Stop)
            }
            (SIGTERM | SIGINT | SIGPWR | SIGRTMIN_PLUS_3, Self::Stop) => {
                *self = Self::Hurry;
                Some(Request::Hurry)
            }
            (SIGQUIT, _) => Some(Request::Dump),
            _ => None,
        }
    }
}

/// Takes over the signals and the reaping of this process. To be the first call in `main`, so that a
/// stop in the first instant is not lost: for process 1 the kernel drops a signal without handler.
///
/// `on_request` is called on the reaper's thread and must not block.
///
/// # Errors
/// The kernel refuses the handlers or the thread, without which nothing can go on.
pub fn start(on_request: impl Fn(Request) + Send + 'static) -> io::Result<Broker> {
    // The kernel knows of a handler before `signal-hook` knows what it is for: a signal in between would
    // end nowhere. A blocked one waits, for process 1 too (`sig_ignored` in the kernel's signal.c).
    block_all()?;
    let mut signals = Signals::new(TAKEN.into_iter().chain(ignored()))?;
    let broker = Broker::new();
    let reaper = broker.clone();
    std::thread::Builder::new().name("reaper".to_owned()).spawn(move || {
        take_all();
        let mut asked = Asked::default();
        loop {
            signals.wait().for_each(|signal| handle(signal, &mut asked, &reaper, &on_request));
            let Some(next) = reaper.successor() else { continue };
            // Nobody takes signals any more: those from now on wait for the next program's handlers. Only what
            // came before is still to be heard, and a stop goes first.
            let blocked = block_all();
            signals.pending().for_each(|signal| handle(signal, &mut asked, &reaper, &on_request));
            let failed = match blocked {
                Ok(()) if asked == Asked::Nothing => next.take_place(),
                Ok(()) => SuccessionError::Stopping,
                Err(e) => next.refused(e),
            };
            take_all();
            next.failed(failed);
        }
    })?;
    // Children that ended before the handler was there sent their SIGCHLD to nobody.
    broker.reap();
    Ok(broker)
}

fn handle(signal: i32, asked: &mut Asked, reaper: &Broker, on_request: &impl Fn(Request)) {
    if signal == SIGCHLD {
        reaper.reap();
    } else if let Some(request) = asked.take(signal) {
        on_request(request);
    }
}

/// Blocks all signals for this thread and those that it starts; but for faults, whose signals would end the
/// process without a word.
fn block_all() -> io::Result<()> {
    let mut all = SigSet::all();
    for fault in [
        Signal::SIGABRT,
        Signal::SIGBUS,
        Signal::SIGFPE,
        Signal::SIGILL,
        Signal::SIGSEGV,
        Signal::SIGSYS,
        Signal::SIGTRAP,
    ] {
        all.remove(fault);
    }
    Ok(all.thread_set_mask()?)
}

/// Takes all signals on this thread, whatever the starter of this process had blocked.
fn take_all() {
    // Nothing but a wrong argument can fail here (`pthread_sigmask(3)`).
    let _ = SigSet::empty().thread_set_mask();
}

/// The signals that this process was started with as ignored, PIPE by Rust's runtime among them. Ignored
/// ones stay so in children, handled ones get their default back (`execve(2)`): so they get a handler.
/// ILL, FPE and SEGV can't have one; no known program starts others with them ignored. 32 to 34 belong to
/// the C libraries (`nptl(7)`): glibc's own `posix_spawn` leaves 32 and 33 ignored in every child.
fn ignored() -> Vec<i32> {
    // Without `/proc`, there is none that we know of.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    let set = set.unwrap_or_default();
    (1..=64)
        .filter(|n| set & (1 << (n - 1)) != 0)
        .filter(|n| !(32..=34).contains(n))
        .filter(|n| !signal_hook::consts::FORBIDDEN.contains(n) && !TAKEN.contains(n))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever comes in whatever order, the ends of children among it: one stop, then one hurry, and
        /// neither without its signal.
        #[test]
        fn one_stop_then_one_hurry(signals in proptest::collection::vec(1..=64_i32, 0..60)) {
            let mut asked = Asked::default();
            let requests: Vec<Request> = signals.iter().filter_map(|s| asked.take(*s)).collect();
            let count = |wanted| requests.iter().filter(|r| **r == wanted).count();
            let stops = signals.iter().filter(|s| [SIGTERM, SIGINT, SIGPWR, SIGRTMIN_PLUS_3].contains(s)).count();
            prop_assert_eq!(count(Request::Stop), stops.min(1));
            prop_assert_eq!(count(Request::Hurry), stops.saturating_sub(1).min(1));
            prop_assert_eq!(count(Request::Dump), signals.iter().filter(|s| **s == SIGQUIT).count());
            let first = |wanted| requests.iter().position(|r| *r == wanted);
            prop_assert!(first(Request::Hurry).is_none_or(|hurry| first(Request::Stop).unwrap() < hurry));
        }
    }

    #[test]
    fn every_signal_that_stops_also_hurries() {
        for first in [SIGTERM, SIGINT, SIGPWR, SIGRTMIN_PLUS_3] {
            for second in [SIGTERM, SIGINT, SIGPWR, SIGRTMIN_PLUS_3] {
                let mut asked = Asked::default();
                assert_eq!(asked.take(first), Some(Request::Stop));
                assert_eq!(asked.take(second), Some(Request::Hurry));
                assert_eq!(asked.take(first), None);
            }
        }
    }
}
