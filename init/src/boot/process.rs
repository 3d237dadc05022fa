//! From `execve(2)` to the main loop, and from its end to the exit code.

use super::{End, Init};
use crate::board::Board;
use crate::defect::{Alarm, Pulse};
use crate::ending::Ending;
use crate::failure::Failure;
use crate::k3s::supervise::K3s;
use crate::log::Log;
use crate::replace::handover;
use crate::replace::{ReplaceError, Replacement};
use crate::volume::Current;
use crate::{log, say, settings, socket};
use openshell_contract::exit;
use openshell_contract::reason::Reason;
use openshell_pid1::{Request, SuccessionError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

/// What the signals ask for, shared with the thread that takes them.
#[derive(Default)]
pub struct Requests {
    /// A stop.
    pub stop: Notify,
    /// To hurry with it.
    pub hurry: Arc<AtomicBool>,
    /// To tell the state.
    pub dump: Notify,
}

/// `boot`: be process 1, until somebody asks to stop. An `heir` finds k3s running, and keeps it.
pub fn main(heir: bool) -> ExitCode {
    let requests = Arc::new(Requests::default());
    let told = requests.clone();
    let broker = openshell_pid1::start(move |request| match request {
        Request::Stop => told.stop.notify_one(),
        Request::Hurry => told.hurry.store(true, Ordering::Relaxed),
        Request::Dump => told.dump.notify_one(),
    });
    let environment = settings::environment();
    let broker = match broker {
        Ok(broker) => broker,
        Err(e) => return refuse(exit::OS, &format!("the system refuses signal handlers: {e}")),
    };
    if std::process::id() != 1 {
        return refuse(
            exit::USAGE,
            "boot has to be process 1 of the container: run it with --init=false and without --pid=host; \
             every other subcommand works anywhere",
        );
    }
    let inherited = match heir.then(|| handover::take(&broker)).transpose() {
        Ok(inherited) => inherited,
        Err(e) => return refuse(exit::USAGE, &format!("no other process 1 has handed k3s over: {e}")),
    };
    if let Err(e) = openshell_pid1::detach() {
        return refuse(exit::OS, &format!("can't let go of what was handed down: {e}"));
    }
    let log = match log::start(settings::log_format(&environment)) {
        Ok(log) => log,
        Err(e) => return refuse(exit::OS, &format!("can't start the log: {e}")),
    };
    let alarm = Alarm::on_panic();
    // Keys are in memory: no core dump of it is ever written (`prctl(2)`, PR_SET_DUMPABLE). Children are
    // not affected: the flag is set again by `execve(2)`.
    if let Err(e) = nix::sys::prctl::set_dumpable(false) {
        warn!("a core dump of process 1 would hold keys: {e}");
    }
    if broker.children_oom_score().is_none()
        && let Err(e) = broker.protect_from_oom()
    {
        info!("when memory is short the kernel may choose process 1 as any other ({e})");
    }
    if let Err(e) = socket::make_run_dir() {
        return refuse(exit::OS, &format!("can't make {}: {e}", openshell_contract::names::path::RUN));
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return refuse(exit::OS, &format!("can't start the async runtime: {e}")),
    };
    info!(version = env!("CARGO_PKG_VERSION"), "openshell-init is process 1");
    let k3s = K3s::new();
    let inherited = match inherited.map(|inherited| k3s.take_over(inherited)).transpose() {
        Ok(inherited) => inherited,
        Err(failure) => return refuse(exit::OS, &format!("can't take k3s over: {failure}")),
    };
    let current = Current::default();
    let ending = Ending::new(broker.clone(), k3s.clone(), requests.hurry.clone(), current.clone());
    let pulse = Pulse::default();
    let (hung, last_lines) = (ending.clone(), log.clone());
    if let Err(e) = pulse.watch(move || hung.after_a_hang(&last_lines)) {
        return refuse(exit::OS, &format!("can't start the watchdog: {e}"));
    }
    let replacement = Replacement::new(broker.clone(), k3s.clone());
    let init = Init {
        board: Board::new(),
        broker,
        k3s,
        environment,
        bundle: watch::Sender::new(None),
        desk: Arc::default(),
        ending: ending.clone(),
        current: current.clone(),
        alarm: alarm.clone(),
        pulse,
        replacement: replacement.clone(),
    };
    // Held to the end: no other container may take the volume while this one is stopping.
    let mut volume = None;
    let life = || runtime.block_on(init.live(&requests, &mut volume, inherited));
    let (code, defect) = match catch_unwind(AssertUnwindSafe(life)) {
        Ok(End::Stopped) => (exit::OK, None),
        Ok(End::Again) => (exit::AGAIN, None),
        Ok(End::Defect(what)) => (exit::INTERNAL, Some(what)),
        Ok(End::Replaced) => {
            let failed = succeeded_by(&replacement, &current, &log);
            ending.run();
            failed.map_or((exit::OK, None), |what| (exit::INTERNAL, Some(what)))
        }
        // A panic of the main loop itself has been logged; what is left is to stop in order.
        Err(_) => {
            ending.run();
            (exit::INTERNAL, alarm.first())
        }
    };
    if let Err(failure) = current.end(defect.as_deref()) {
        warn!("{failure}");
    }
    info!("stopped");
    log.finish();
    ExitCode::from(code)
}

/// Returns only if no other program is process 1: the defect, unless a stop was asked for meanwhile. Helpers are gone
/// then, and nothing can be started any more.
fn succeeded_by(replacement: &Replacement, current: &Current, log: &Log) -> Option<String> {
    if let Err(failure) = current.end(None) {
        warn!("{failure}");
    }
    match replacement.take_place(log) {
        Ok(never) => match never {},
        Err(ReplaceError::Succession(SuccessionError::Stopping)) => None,
        Err(e) => Some(Failure::caused(Reason::Internal, "there is no other process 1", &e).message),
    }
}

fn refuse(code: u8, text: &str) -> ExitCode {
    say(&mut std::io::stderr(), &format!("openshell-init: {text}\n"), code)
}
