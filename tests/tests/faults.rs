//! A real Docker whose answer to a call of a start gets lost: the start ends with a named error and loses
//! nothing, and the next one goes on to the end. `host-cli/tests/faults` does it at every call of more scenes,
//! on a Docker that is none.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_e2e::proxy::{Fault, Proxy};
use openshell_e2e::{Gateway, Output, daemon, docker, run};
use std::sync::{Arc, Mutex};

/// A container that says why k3s isn't started, and stays: what Docker has to do for it is the same.
const WITHOUT_K3S: [&str; 3] = ["--no-wait", "--env", "OPENSHELL_STOP_TIMEOUT=soon"];

/// A situation to start from, and what brings it about.
type Scene = (&'static str, fn(&Gateway));

/// `openshell gateway start` through `proxy`.
fn start(gateway: &Gateway, proxy: &Proxy) -> Output {
    let mut command = gateway.start_command(&WITHOUT_K3S);
    run(command.env("DOCKER_HOST", proxy.docker_host()), "")
}

fn nothing_is_there(gateway: &Gateway) {
    let _ = docker(&["rm", "-fv", &gateway.object()]);
    let _ = docker(&["volume", "rm", &gateway.object()]);
    let _ = docker(&["network", "rm", &gateway.object()]);
}

fn killed_and_its_network_is_gone(gateway: &Gateway) {
    let _ = docker(&["kill", &gateway.object()]);
    let _ = docker(&["network", "rm", &gateway.object()]).ok();
}

/// The first lines of the calls of a start that nothing happens to.
fn calls(gateway: &Gateway) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    let proxy = Proxy::new(&daemon::socket(), move |_, line| {
        seen.lock().unwrap().push(line.to_owned());
        Fault::None
    });
    let _ = start(gateway, &proxy).ok();
    lines.lock().unwrap().clone()
}

fn is_settled(gateway: &Gateway, what: &str) {
    assert_eq!(gateway.inspect("{{.State.Running}}"), "true", "{what}");
    let filter = format!("name=^{}$", gateway.object());
    let networks = docker(&["network", "ls", "--quiet", "--filter", &filter]).ok();
    assert_eq!(networks.lines().count(), 1, "{what}: {networks}");
    let names =
        docker(&["ps", "--all", "--format", "{{.Names}}", "--filter", &format!("name={}", gateway.name)]);
    assert_eq!(names.ok().trim(), gateway.object(), "{what}: containers are left");
    let mut again = gateway.start_command(&WITHOUT_K3S);
    assert_eq!(run(again.arg("--dry-run"), "").ok(), "", "{what}: there is something left to do");
}

#[test]
fn a_start_whose_calls_are_cut_is_ended_by_the_next() {
    let gateway = Gateway::new("faults");
    let scenes: [Scene; 2] =
        [("nothing is there", nothing_is_there), ("stopped, network gone", killed_and_its_network_is_gone)];
    let (mut runs, mut failed) = (0, 0);
    for (scene, prepare) in scenes {
        prepare(&gateway);
        let lines = calls(&gateway);
        is_settled(&gateway, scene);
        let volume = docker(&["volume", "inspect", &gateway.object()]).ok();
        let changes = lines.iter().enumerate().filter(|(_, line)| !line.starts_with("GET "));
        // Whatever changes something is done, and nobody hears of it; and a question is not even heard.
        let mut faults: Vec<_> = changes.map(|(at, _)| (at, Fault::CutAfter)).collect();
        faults.push((lines.iter().position(|line| line.contains("/networks")).unwrap(), Fault::CutBefore));
        assert!(faults.len() > 3, "{lines:#?}");
        for (at, fault) in faults {
            let what = format!("{scene}, {fault:?} at {}", lines[at]);
            prepare(&gateway);
            let chosen = fault.clone();
            let proxy =
                Proxy::new(&daemon::socket(), move |n, _| if n == at { chosen.clone() } else { Fault::None });
            let first = start(&gateway, &proxy);
            runs += 1;
            if first.code != 0 {
                failed += 1;
                assert!([10, 19].contains(&first.code), "{what}: {first:#?}");
                assert!(first.stderr.contains("error: ") && first.stderr.contains("  hint:  "), "{first:#?}");
            }
            let _ = gateway.start(&WITHOUT_K3S).ok();
            is_settled(&gateway, &what);
        }
        if scene != "nothing is there" {
            assert_eq!(docker(&["volume", "inspect", &gateway.object()]).ok(), volume, "another volume");
        }
    }
    let line =
        format!("faults: {runs} starts with one, {failed} of them failed, each was ended by the next\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
    assert!(failed > 4, "{failed}");
}
