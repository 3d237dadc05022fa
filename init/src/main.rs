//! `openshell-init`: process 1 of an OpenShell gateway, its health check and its control tool.
//!
//! `boot` is process 1; [`boot`] tells the story of a start. `reconcile` does a part of its work in any
//! cluster. Every other subcommand asks the running process 1 over its socket and works whether or not
//! Kubernetes does.

mod anywhere;
mod ask;
mod board;
mod boot;
mod chart;
mod clock;
mod conditions;
mod config;
mod defect;
mod ending;
mod exec;
mod failure;
mod fault;
mod files;
#[cfg(test)]
mod fuzz;
mod gateway;
mod hex;
mod k3s;
mod kept;
mod kube;
mod log;
mod looks;
mod manifests;
mod node;
mod nodes;
mod pki;
mod reconcile;
mod replace;
#[cfg(test)]
mod sandbox;
mod secrets;
mod settings;
mod socket;
mod ssh;
mod stage;
mod steady;
mod tail;
mod volume;
mod warnings;

use openshell_contract::exit;
use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: openshell-init COMMAND

  boot              be process 1: start the gateway and keep it (the image's default command)
  health            exit 0 if the gateway is healthy, 1 if not
  status            how the gateway is, for people
  status --json     the status document on one line
  status --watch    the status document at each change, a line each
  status --timeline[=svg]
                    when each stage of the start began, and how long it took
  config            each setting, its value and where that comes from; 1 if one is not allowed
  config --json     the same as JSON
  look              look at everything now, repair or deploy what changed, and tell how that went
  replace           put the openshell-init that is installed now in the place of the running process 1;
                    k3s and all pods go on
  rotate pki --leaf new certificates under the present CA; nobody is cut off
  rotate pki --ca   a new CA beside the present one, which clients may go on using for a year;
                    `rotate pki --leaf` takes its certificates into use, or a month passing does
  rotate ssh        tell which sandboxes a new SSH secret would cut off
  rotate ssh --yes  make a new SSH secret all the same
  reconcile --kubeconfig FILE [--namespace NAME] [--chart]
                    namespace, SSH secret, certificates and, if asked for, the chart in any cluster
  export-client     a tar of ca.crt, tls.crt and tls.key on standard output
  version           the release of openshell-init
";

fn main() -> ExitCode {
    // Arguments are compared, not parsed: `boot` has to take over the signals at once.
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["boot"] => boot::main(false),
        ["boot", replace::handover::ARGUMENT] => boot::main(true),
        ["health"] => ask::health(),
        ["status"] => ask::status(ask::Form::Text),
        ["status", "--json"] => ask::status(ask::Form::Json),
        ["status", "--watch"] => ask::status(ask::Form::Watch),
        ["status", "--timeline"] => ask::status(ask::Form::Timeline),
        ["status", "--timeline=svg"] => ask::status(ask::Form::Svg),
        ["config"] => config::show(config::Form::Text),
        ["config", "--json"] => config::show(config::Form::Json),
        ["export-client"] => ask::export_client(),
        ["replace"] => ask::replace(),
        ["look"] => ask::request("look"),
        ["rotate", "pki", "--leaf"] => ask::request("rotate pki leaf"),
        ["rotate", "pki", "--ca"] => ask::request("rotate pki ca"),
        ["rotate", "ssh"] => ask::request("rotate ssh"),
        ["rotate", "ssh", "--yes"] => ask::request("rotate ssh yes"),
        ["reconcile", ref more @ ..] if let Some(plan) = anywhere::Plan::parse(more) => plan.run(),
        ["version" | "--version" | "-V"] => {
            say(&mut std::io::stdout(), concat!("openshell-init ", env!("CARGO_PKG_VERSION"), "\n"), exit::OK)
        }
        ["help" | "--help" | "-h"] => say(&mut std::io::stdout(), USAGE, exit::OK),
        _ => say(
            &mut std::io::stderr(),
            &format!("openshell-init: unknown arguments {args:?}\n\n{USAGE}"),
            exit::USAGE,
        ),
    }
}

/// Writes `text` and returns `code`, or failure if nobody could read it.
fn say(to: &mut impl Write, text: &str, code: u8) -> ExitCode {
    if to.write_all(text.as_bytes()).and_then(|()| to.flush()).is_err() {
        return ExitCode::from(exit::FAILED);
    }
    ExitCode::from(code)
}
