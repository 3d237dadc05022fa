//! The signals that it takes, on a thread of their own.

use crate::action::{Action, Report};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use signal_hook::iterator::Signals;
use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, channel};

/// Reports are shared with the thread that counts signals.
pub struct Taken {
    /// Where it reports to.
    pub report: Report,
    /// Told when a signal came that is to be obeyed.
    pub obeyed: Receiver<()>,
}

/// Takes all signals that `actions` name, before the first action is done.
pub fn take(actions: &[Action]) -> io::Result<Taken> {
    let obeyed: Vec<Signal> =
        actions.iter().filter_map(|a| if let Action::Obey(s) = a { Some(*s) } else { None }).collect();
    let counted = actions.iter().filter_map(|a| if let Action::Count(s) = a { Some(*s) } else { None });
    let all: Vec<i32> = counted.chain(obeyed.iter().copied()).map(|s| s as i32).collect();
    let report = Report::default();
    let (tell, told) = channel();
    if all.is_empty() {
        // No descriptor and no thread that a test would have to know of.
        return Ok(Taken { report, obeyed: told });
    }
    // A signal between the kernel's knowing of a handler and the library's would be lost: it waits meanwhile.
    let own = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let mut signals = Signals::new(&all)?;
    own.thread_set_mask()?;
    let reporting = report.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut counts: HashMap<i32, u32> = HashMap::new();
        for number in &mut signals {
            let count = counts.entry(number).and_modify(|n| *n += 1).or_insert(1);
            let name = Signal::try_from(number).map_or("?", Signal::as_str);
            reporting.line(&format!("got {} {count}", name.trim_start_matches("SIG")));
            if obeyed.iter().any(|s| *s as i32 == number) {
                // The main thread may be busy for ever; it obeys when it is not.
                let _ = tell.send(());
            }
        }
    })?;
    Ok(Taken { report, obeyed: told })
}
