//! Faults of the network.

use crate::pause;
use openshell_e2e::{Gateway, docker, run};
use std::process::Command;

pub(crate) fn remove(gateway: &Gateway) {
    let object = gateway.object();
    let _ = docker(&["rm", "--force", &object]);
    let _ = docker(&["network", "rm", &object]);
    let _ = gateway.start(&["--no-wait"]);
}

/// Docker may give it another address afterwards, which k3s can't follow: then somebody does what the status
/// says, and restarts the container.
pub(crate) fn unplug(gateway: &Gateway, ms: u64) {
    let object = gateway.object();
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let address = || docker(&["inspect", "--format", format, &object]).stdout;
    let before = address();
    let _ = docker(&["network", "disconnect", "--force", &object, &object]);
    pause(ms);
    let _ = docker(&["network", "connect", &object, &object]);
    if address() != before {
        let _ = docker(&["restart", &object]);
    }
}

/// By a token bucket (`tc-tbf(8)`) on the loopback of the container's network namespace, above whose MTU the burst
/// has to be.
pub(crate) fn slow(gateway: &Gateway, kbit: u64, ms: u64) {
    let pid = docker(&["inspect", "--format", "{{.State.Pid}}", &gateway.object()]).stdout;
    let tc = |args: &[&str]| {
        let mut command = Command::new("nsenter");
        command.args(["--target", pid.trim(), "--net", "tc", "qdisc"]).args(args);
        run(&mut command, "").code == 0
    };
    let rate = format!("{kbit}kbit");
    if tc(&["add", "dev", "lo", "root", "tbf", "rate", &rate, "burst", "128kb", "limit", "1mb"]) {
        pause(ms);
        // Gone with the namespace, if that is gone.
        let _ = tc(&["del", "dev", "lo", "root"]);
    }
}
