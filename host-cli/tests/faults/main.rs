//! Every call of a start that fails, is cut off before or after it was carried out, or is slow: the command
//! ends with a documented code and a named error, loses nothing, and the next start goes on to the end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake;
mod wire;

use fake::{Fake, State};
use openshell_e2e::proxy::{Fault, Proxy};
use openshell_e2e::{Output, run};
use std::process::Command;
use std::time::Duration;

const OBJECT: &str = "openshell-cluster-box";

/// `openshell gateway start` through `proxy`.
fn start(proxy: &Proxy, more: &[&str]) -> Output {
    let config = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_openshell"));
    command.args([
        "gateway",
        "start",
        "-g",
        "box",
        "--image",
        "image:1",
        "--timeout",
        "5",
        "--port",
        "45871",
    ]);
    command.args(more).env("DOCKER_HOST", proxy.docker_host()).env("XDG_CONFIG_HOME", config.path());
    run(&mut command, "")
}

fn through(fake: &Fake) -> Proxy {
    Proxy::new(&fake.socket(), |_, _| Fault::None)
}

/// A situation to start from, and what is asked of the start.
struct Scene {
    what: &'static str,
    prepare: fn() -> Fake,
    args: &'static [&'static str],
}

fn nothing() -> Fake {
    Fake::new(State::default())
}

fn running() -> Fake {
    let fake = Fake::new(State::with_image());
    let _ = start(&through(&fake), &[]).ok();
    fake
}

fn stopped_and_its_network_gone() -> Fake {
    let fake = running();
    fake.state().containers.get_mut(OBJECT).unwrap().status = "exited";
    fake.state().networks.clear();
    fake
}

const SCENES: [Scene; 3] = [
    Scene { what: "nothing is there", prepare: nothing, args: &[] },
    Scene { what: "stopped, network gone", prepare: stopped_and_its_network_gone, args: &[] },
    Scene { what: "running, other settings", prepare: running, args: &["--env", "IMAGE_TAG=2"] },
];

/// What may never be, whatever failed.
fn check(fake: &Fake, had_volume: bool, what: &str) {
    let state = fake.state();
    assert!(state.removed_volumes.is_empty(), "{what}: a volume was removed");
    assert!(!had_volume || state.volumes.contains_key(OBJECT), "{what}: the volume is gone");
    assert!(!state.both_ran, "{what}: two containers ran on one volume");
}

fn is_settled(fake: &Fake, what: &str) {
    let state = fake.state();
    let running: Vec<_> =
        state.containers.iter().filter(|(_, c)| c.status == "running").map(|(n, _)| n).collect();
    assert_eq!(running, [OBJECT], "{what}");
    assert!(!state.containers.contains_key("openshell-previous-box"), "{what}: the old container is left");
    assert_eq!(state.networks.len(), 1, "{what}");
}

#[test]
fn a_fault_at_any_call_is_named_and_the_next_start_ends_it() {
    let (mut runs, mut failed) = (0, 0);
    for Scene { what, prepare, args } in SCENES {
        let fake = prepare();
        let proxy = through(&fake);
        let _ = start(&proxy, args).ok();
        is_settled(&fake, what);
        let calls = proxy.calls();
        assert!(calls > 10, "{what}: {calls} calls");
        let slow = Fault::Delay(Duration::from_millis(30));
        for fault in [Fault::Refuse("injected"), Fault::CutBefore, Fault::CutAfter, slow.clone()] {
            for at in 0..calls {
                let what = format!("{what}, {fault:?} at call {at}");
                let fake = prepare();
                let had_volume = fake.state().volumes.contains_key(OBJECT);
                let chosen = fault.clone();
                let proxy = Proxy::new(
                    &fake.socket(),
                    move |n, _| if n == at { chosen.clone() } else { Fault::None },
                );
                let first = start(&proxy, args);
                runs += 1;
                check(&fake, had_volume, &what);
                if first.code != 0 {
                    failed += 1;
                    assert_ne!(fault, slow, "{what}: {first:#?}");
                    assert!([10, 14, 19].contains(&first.code), "{what}: {first:#?}");
                    let error = first.stderr.lines().find(|l| l.starts_with("error: ")).unwrap_or_default();
                    assert!(error.ends_with(']') && first.stderr.contains("  hint:  "), "{what}: {first:#?}");
                }
                let second = start(&through(&fake), args);
                assert_eq!(second.code, 0, "{what}: {second:#?}");
                check(&fake, had_volume, &what);
                is_settled(&fake, &what);
            }
        }
    }
    let line =
        format!("faults: {runs} starts with one, {failed} of them failed, each was ended by the next\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
    assert!(failed > 50, "{failed}");
}

#[test]
fn a_port_that_docker_has_not_freed_yet_is_asked_for_again() {
    let fake = running();
    fake.state().containers.get_mut(OBJECT).unwrap().status = "exited";
    let refused = std::sync::atomic::AtomicUsize::new(0);
    let proxy = Proxy::new(&fake.socket(), move |_, line| {
        let again = line.contains("/start") && line.contains("/containers/");
        if again && refused.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2 {
            return Fault::Refuse("driver failed: port is already allocated");
        }
        Fault::None
    });
    let _ = start(&proxy, &[]).ok();
    is_settled(&fake, "a port that is freed late");
}

#[test]
fn an_image_that_is_here_is_never_pulled_and_a_running_gateway_not_touched() {
    let fake = running();
    let id = fake.state().containers[OBJECT].id.clone();
    let network = fake.state().networks[0].0.clone();
    let proxy = Proxy::new(&fake.socket(), |_, line| {
        let harmless = line.starts_with("GET ") || line.contains("/exec");
        if harmless { Fault::None } else { Fault::Refuse("nothing may be changed") }
    });
    let _ = start(&proxy, &[]).ok();
    let state = fake.state();
    assert_eq!((&state.containers[OBJECT].id, &state.networks[0].0), (&id, &network));
}

/// Nothing was made, and the error has this id.
fn is_refused(fake: &Fake, output: &Output, id: &str) {
    assert_eq!(output.code, 21, "{output:#?}");
    assert!(output.stderr.contains(id) && output.stderr.contains("  hint:  "), "{output:#?}");
    let state = fake.state();
    assert!(state.containers.is_empty() && state.volumes.is_empty() && state.networks.is_empty());
}

#[test]
fn an_image_of_another_architecture_is_refused_before_anything_is_made() {
    for image in [true, false] {
        let fake = Fake::new(State::of_image(image, "arm64"));
        is_refused(&fake, &start(&through(&fake), &[]), "[ARCHITECTURE]");
    }
}

#[test]
fn gpus_come_by_what_docker_has_and_stay_until_they_are_taken_away() {
    let fake = Fake::new(State::with_image());
    is_refused(&fake, &start(&through(&fake), &["--gpu"]), "[GPU_UNAVAILABLE]");

    fake.state().machine = serde_json::json!({"Runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}});
    let _ = start(&through(&fake), &["--gpu"]).ok();
    let container = || {
        let state = fake.state();
        (state.containers[OBJECT].id.clone(), state.containers[OBJECT].body.clone())
    };
    let (id, body) = container();
    assert_eq!(body["HostConfig"]["DeviceRequests"][0]["Driver"], "nvidia");
    let _ = start(&through(&fake), &[]).ok();
    assert_eq!(container().0, id, "nothing was asked for");
    let _ = start(&through(&fake), &["--gpu=off", "--memory", "6g"]).ok();
    let (other, body) = container();
    assert_ne!(other, id, "it was not replaced");
    assert!(body["HostConfig"]["DeviceRequests"].is_null());
    assert_eq!(body["HostConfig"]["Memory"], 6_u64 << 30);
    is_settled(&fake, "without a GPU");
}

#[test]
fn data_goes_only_after_a_yes() {
    let fake = running();
    let asked = start(&through(&fake), &["--recreate"]);
    assert_eq!(asked.code, 2, "{asked:#?}");
    assert!(asked.stderr.contains("[UNCONFIRMED]") && asked.stderr.contains("start --recreate -g box --yes"));
    assert!(fake.state().removed_volumes.is_empty());
    let plan = start(&through(&fake), &["--recreate", "--dry-run"]).ok();
    assert!(plan.contains("remove volume openshell-cluster-box with all data"), "{plan}");
    assert!(fake.state().removed_volumes.is_empty());
    let _ = start(&through(&fake), &["--recreate", "--yes"]).ok();
    assert_eq!(fake.state().removed_volumes, [OBJECT]);
    is_settled(&fake, "recreated");
}
