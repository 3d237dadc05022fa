//! `scripts/bench`: a gateway beside the bare node (the limit) and beside a node that is started the way it was
//! done before (a shell script). The three take turns, so that what else the machine does hits all of them.

mod bare;
mod budget;
mod gateway;
mod manifests;
mod node;
mod probe;
mod programs;
mod report;
mod samples;
mod shell;

use clap::Parser;
use openshell_e2e::Output;
use probe::Probe;
use samples::Samples;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// The gateway as it is.
pub const GATEWAY: &str = "gateway";
/// The node alone.
pub const BARE: &str = "bare node";
/// The way it was done before.
pub const SHELL: &str = "shell script";
/// In the order of the table's columns.
pub const CONTENDERS: [&str; 3] = [GATEWAY, BARE, SHELL];

/// What is asked for.
#[derive(Parser)]
struct Arguments {
    /// How often each contender is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where every value is written, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let mut samples = Samples::default();
    for round in 1..=arguments.rounds {
        writeln!(std::io::stderr(), "==> round {round} of {}", arguments.rounds)?;
        let work = tempfile::tempdir()?;
        let manifests = gateway::round(&mut samples, work.path());
        bare::round(&mut samples, work.path(), &manifests);
        shell::round(&mut samples, work.path(), &manifests);
    }
    if let Some(path) = arguments.json {
        std::fs::write(path, report::json(&samples).to_string())?;
    }
    let mut out = std::io::stdout().lock();
    write!(out, "{}\n{}", report::table(&samples), budget::table(&samples))
}

/// Seconds that a program takes, which must end well.
#[track_caller]
pub fn timed(run: impl FnOnce() -> Output) -> f64 {
    let begin = Instant::now();
    let output = run();
    let took = begin.elapsed().as_secs_f64();
    let _ = output.ok();
    took
}

/// Seconds until the gateway serves, and until `work`, which brings it up, is done.
pub fn beside<T: Send>(probe: &Probe, work: impl FnOnce() -> T + Send) -> (f64, f64) {
    beside_since(Instant::now(), probe, work)
}

/// The same, counted from `begin`.
///
/// # Panics
/// The work panics, or the gateway does not serve.
pub fn beside_since<T: Send>(begin: Instant, probe: &Probe, work: impl FnOnce() -> T + Send) -> (f64, f64) {
    std::thread::scope(|scope| {
        let done = scope.spawn(|| {
            work();
            begin.elapsed().as_secs_f64()
        });
        let serves = probe.since(begin);
        (serves, done.join().expect("the work panicked"))
    })
}
