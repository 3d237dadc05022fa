use super::*;
use crate::machine::Lack;
use openshell_contract::reason::Reason;
use openshell_contract::status::{Phase, Problem, Status};
use std::time::Duration;

fn name() -> GatewayName {
    "box".parse().unwrap()
}

fn failed() -> Box<Status> {
    let problem = Problem {
        stage: "config".to_owned(),
        reason: Reason::InvalidSetting,
        message: "DISABLE_TLS: \"maybe\" is not allowed".to_owned(),
        remedy: Reason::InvalidSetting.remedy().to_owned(),
        since_ms: 0,
    };
    Box::new(Status { phase: Phase::Failed, problems: vec![problem], ..Status::default() })
}

fn samples() -> Vec<(Error, u8)> {
    let conflict = |refusal| Error::Conflict { name: name(), refusal };
    let not_ready = |stuck| Error::NotReady { name: name(), stuck: Box::new(stuck), log: vec![], kept: None };
    vec![
        (Error::DockerUnavailable { host: "h".into(), cause: "c".into(), others: vec![] }, 19),
        (Error::DockerContext { context: "box".into(), cause: "c".into() }, 19),
        (Error::ImageMissing { image: "i".into(), cause: "c".into() }, 14),
        (conflict(Refusal::ForeignContainer("c".into())), 11),
        (conflict(Refusal::ForeignVolume("x".into())), 11),
        (conflict(Refusal::UnlabeledVolume), 11),
        (conflict(Refusal::ForeignNetwork("x".into())), 11),
        (conflict(Refusal::DuplicateNetwork(vec!["a".into(), "b".into()])), 11),
        (conflict(Refusal::PortOfContainer { port: 8080, holder: "x".into() }), 11),
        (conflict(Refusal::PortOfHost { port: 8080, cause: "x".into() }), 11),
        (conflict(Refusal::BeingRemoved), 11),
        (Error::Unsuitable { name: name(), lack: Lack::Gpu("g".into()) }, 21),
        (Error::Unsuitable { name: name(), lack: Lack::Devices(vec!["d".into()]) }, 21),
        (
            Error::Unsuitable {
                name: name(),
                lack: Lack::Processors { asked: "3".parse().unwrap(), has: 2 },
            },
            21,
        ),
        (
            Error::Unsuitable {
                name: name(),
                lack: Lack::Architecture { image: "i".into(), of: "arm64".into(), has: "amd64".into() },
            },
            21,
        ),
        (Error::NoGateway(name()), 13),
        (Error::NotRunning(name()), 13),
        (not_ready(Stuck::Failed(failed())), 22),
        (not_ready(Stuck::Crashed { exit_code: 1, restarts: 2, out_of_memory: false }), 22),
        (not_ready(Stuck::Timeout { after: Duration::from_secs(5), status: None }), 12),
        (Error::Interrupted(name()), 130),
        (Error::Unconfirmed { name: name(), command: "start --recreate" }, 2),
        (Error::Remains { name: name(), failures: vec!["x".into()] }, 10),
        (Error::NoHome, 10),
    ]
}

#[test]
fn every_error_has_an_id_an_exit_code_and_a_hint() {
    for (error, code) in samples() {
        assert_eq!(error.exit_code(), code, "{error}");
        assert!(!error.hints().is_empty(), "{error}");
        assert!(error.render().starts_with(&format!("error: {error} [{}]", error.id())));
    }
}

#[test]
fn a_failed_gateway_tells_stage_reason_and_remedy() {
    let error = Error::NotReady {
        name: name(),
        stuck: Box::new(Stuck::Failed(failed())),
        log: vec!["last words".to_owned()],
        kept: None,
    };
    let expected = "\
error: gateway box failed in stage config [GATEWAY_FAILED]
  cause: InvalidSetting: DISABLE_TLS: \"maybe\" is not allowed
  log:   last words
  hint:  Correct the named variable and recreate the container with `openshell gateway start`.
  hint:  openshell gateway logs -g box --tail 100";
    assert_eq!(error.render(), expected);
}

#[test]
fn a_missing_image_is_told_with_what_brings_it() {
    let hints =
        |image: &str, cause: &str| Error::ImageMissing { image: image.into(), cause: cause.into() }.hints();
    let pull = |image: &str| format!("docker pull {image}");
    let other = "name another image with --image REF or OPENSHELL_CLUSTER_IMAGE".to_owned();
    assert_eq!(hints("ghcr.io/a/b:1", "not found"), [pull("ghcr.io/a/b:1"), other.clone()]);
    let local = "if it is built here, in its repository: IMAGE=openshell/cluster:dev scripts/build-image";
    assert_eq!(
        hints("openshell/cluster:dev", "not found"),
        [local.to_owned(), pull("openshell/cluster:dev"), other.clone()]
    );
    let refused = hints("ghcr.io/a/b:1", "401 unauthorized");
    assert_eq!(refused[0], "log in: docker login ghcr.io");
    assert!(refused[1].contains("OPENSHELL_REGISTRY_TOKEN"), "{refused:?}");
}

#[test]
fn what_docker_says_of_a_gpu_is_told_with_what_brings_it() {
    let error = |message: &str| Error::Docker {
        action: "start container",
        object: "c".into(),
        source: bollard::errors::Error::DockerResponseServerError {
            status_code: 500,
            message: message.into(),
        },
    };
    let gpu = error("CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all").hints();
    assert!(gpu[0].contains("nvidia-ctk cdi generate"), "{gpu:?}");
    assert!(!error("no space left on device").hints()[0].contains("nvidia"));
}

/// A command in a hint must be one that this program takes.
#[test]
fn commands_in_hints_parse() {
    use crate::cli::Cli;
    use clap::Parser;
    let mut seen = 0;
    for (error, _) in samples() {
        for hint in error.hints() {
            let Some(at) = hint.find("openshell gateway ") else { continue };
            let hint = hint.split_once('`').map_or(hint.as_str(), |(before, _)| before);
            if at >= hint.len() {
                continue;
            }
            Cli::try_parse_from(hint[at..].split_whitespace()).unwrap_or_else(|e| panic!("{hint}: {e}"));
            seen += 1;
        }
    }
    assert!(seen > 5);
}
