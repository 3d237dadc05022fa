//! `openshell gateway status`.

mod report;

use super::{Context, interrupted};
use crate::cli::{Output, StatusArgs};
use crate::docker::observe;
use crate::error::Error;
use crate::exit;
use crate::plan::State;
use crate::ui;
use bollard::models::ContainerInspectResponse;
use openshell_contract::status::{Phase, Status};
use report::{Host, Report};

pub(super) async fn run(context: &Context, args: &StatusArgs) -> Result<u8, Error> {
    let Context { name, engine, .. } = context;
    let inspected = engine.inspect(&name.object()).await?;
    let mut host = host(context, inspected.as_ref());
    if !host.runs() {
        show(args, &Report::new(host, None))?;
        return Ok(exit::NOT_RUNNING);
    }
    if args.watch {
        return watch(context, args, &host).await;
    }
    let status = ask(context).await;
    if let Err(cause) = &status {
        context.ui.note(&format!("PID 1 of the container gives no status yet: {cause}"));
    }
    let status = status.ok();
    host.note_certificates(context, status.as_ref());
    let code = exit_code(status.as_ref());
    show(args, &Report::new(host, status))?;
    Ok(code)
}

/// Shows each change until the gateway goes away.
async fn watch(context: &Context, args: &StatusArgs, host: &Host) -> Result<u8, Error> {
    let no_status = |cause: String| Error::NoStatus { name: context.name.clone(), cause };
    let object = context.name.object();
    let started = context.engine.watch(&object, &["status", "--watch"]).await;
    let mut watch = started.map_err(|e| no_status(e.to_string()))?;
    let mut code = None;
    loop {
        let line = tokio::select! {
            line = watch.line() => line,
            () = interrupted() => return Ok(code.unwrap_or(exit::INTERRUPTED)),
        };
        let Some(line) = line else {
            return code.ok_or_else(|| no_status("PID 1 does not answer yet".to_owned()));
        };
        let status: Status = serde_json::from_str(&line).map_err(|e| no_status(e.to_string()))?;
        code = Some(exit_code(Some(&status)));
        let mut host = host.clone();
        host.note_certificates(context, Some(&status));
        show(args, &Report::new(host, Some(status)))?;
    }
}

async fn ask(context: &Context) -> Result<Status, String> {
    let output = context.engine.init(&context.name.object(), &["status", "--json"]).await;
    let output = output.map_err(|e| e.to_string())?;
    serde_json::from_slice(&output.stdout).map_err(|e| match output.stderr.as_str() {
        "" => e.to_string(),
        stderr => stderr.to_owned(),
    })
}

fn show(args: &StatusArgs, report: &Report) -> Result<(), Error> {
    match args.output {
        Output::Json => ui::data(&report.json()),
        Output::Text => ui::data(&report.text()),
    }
}

impl Host {
    /// Compares what clients on this machine have with the gateway's CA.
    fn note_certificates(&mut self, context: &Context, status: Option<&Status>) {
        let pki = status.and_then(|s| s.pki.as_ref());
        self.client_certificates = pki.map(|pki| context.config.held(&context.name, &pki.ca_sha256));
    }
}

/// What this machine knows of the gateway.
fn host(context: &Context, inspected: Option<&ContainerInspectResponse>) -> Host {
    let metadata = context.config.metadata(&context.name);
    let run = inspected.map(observe::run);
    let settings = inspected.and_then(observe::settings);
    Host {
        name: context.name.to_string(),
        container: context.name.object(),
        state: run.map_or("absent", |r| r.state.as_str()),
        restarts: run.map(|r| r.restarts).unwrap_or_default(),
        exit_code: run.filter(|r| r.state == State::Exited).map(|r| r.exit_code),
        image: inspected.and_then(|c| c.config.as_ref()?.image.clone()),
        image_id: inspected.and_then(|c| c.image.clone()),
        tls_endpoint: settings.as_ref().map(|s| s.endpoint(true)),
        plain_endpoint: settings.as_ref().map(|s| s.endpoint(false)),
        client_certificates: None,
        remembered_endpoint: metadata.map(|m| m.gateway_endpoint).filter(|e| !e.is_empty()),
    }
}

/// A gateway whose PID 1 gives no status yet is starting.
fn exit_code(status: Option<&Status>) -> u8 {
    match status.map(|s| s.phase) {
        Some(Phase::Ready) => exit::OK,
        Some(Phase::Degraded) => exit::DEGRADED,
        Some(Phase::Failed) => exit::FAILED,
        Some(Phase::Stopping) => exit::NOT_RUNNING,
        Some(Phase::Starting) | None => exit::TIMEOUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_the_phase() {
        let code = |phase| exit_code(Some(&Status { phase, ..Status::default() }));
        let all = [Phase::Ready, Phase::Degraded, Phase::Failed, Phase::Stopping, Phase::Starting].map(code);
        assert_eq!(all, [0, 23, 1, 13, 12]);
        assert_eq!(exit_code(None), 12);
    }
}
