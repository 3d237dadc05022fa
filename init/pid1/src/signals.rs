use crate::Broker;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::Signals;
use std::io;

/// Power failure, which `signal-hook` has no name for.
const SIGPWR: i32 = nix::sys::signal::Signal::SIGPWR as i32;
/// systemd's "halt", which tools send that take every PID 1 for systemd.
const SIGRTMIN_PLUS_3: i32 = 37;

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

/// Takes over the signals and the reaping of this process. To be the first call in `main`, so that a
/// stop in the first instant is not lost: for process 1 the kernel drops a signal without handler.
///
/// `on_request` is called on the reaper's thread and must not block. HUP, USR1, USR2 and WINCH are
/// taken and ignored: their default would be death, and nobody here means it.
///
/// # Errors
/// The kernel refuses the handlers or the thread, without which nothing can go on.
pub fn start(on_request: impl Fn(Request) + Send + 'static) -> io::Result<Broker> {
    let mut signals = Signals::new([
        SIGCHLD,
        SIGTERM,
        SIGINT,
        SIGPWR,
        SIGRTMIN_PLUS_3,
        SIGQUIT,
        SIGHUP,
        SIGUSR1,
        SIGUSR2,
        SIGWINCH,
        SIGPIPE,
    ])?;
    let broker = Broker::new();
    let reaper = broker.clone();
    std::thread::Builder::new().name("reaper".to_owned()).spawn(move || {
        let mut stops = 0_u8;
        for signal in signals.forever() {
            match signal {
                SIGCHLD => reaper.reap(),
                SIGTERM | SIGINT | SIGPWR | SIGRTMIN_PLUS_3 => {
                    stops = stops.saturating_add(1);
                    match stops {
                        1 => on_request(Request::Stop),
                        2 => on_request(Request::Hurry),
                        _ => {}
                    }
                }
                SIGQUIT => on_request(Request::Dump),
                _ => {}
            }
        }
    })?;
    // Children that ended before the handler was there sent their SIGCHLD to nobody.
    broker.reap();
    Ok(broker)
}
