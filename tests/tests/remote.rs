//! A daemon that isn't reached by the usual socket.

use openshell_e2e::gateway::openshell_bin;
use openshell_e2e::run;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// An `ssh` that goes nowhere: it runs here what it is asked to run there, and keeps its arguments.
const SSH: &str = "#!/bin/sh\necho \"$@\" >>\"$(dirname \"$0\")/log\"\nwhile [ \"$1\" != -- ]; do shift; done\n\
                   shift 2\nexec env -u DOCKER_HOST -u DOCKER_CONTEXT \"$@\"\n";

#[test]
fn a_daemon_behind_ssh_or_in_a_context_is_asked_as_one_here() {
    let dir = tempfile::tempdir().unwrap();
    let ssh = dir.path().join("ssh");
    fs::write(&ssh, SSH).unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let openshell = |variable: &str, value: &str| {
        let mut command = Command::new(openshell_bin());
        command.args(["doctor", "check", "--output", "json", "-g", "e2e-remote", "--port", "1"]);
        command.env("PATH", &path).env_remove("DOCKER_HOST").env("DOCKER_CONFIG", dir.path());
        run(command.env("XDG_CONFIG_HOME", dir.path()).env(variable, value), "")
    };

    let remote = openshell("DOCKER_HOST", "ssh://me@box.example:2222").ok();
    let checks: serde_json::Value = serde_json::from_str(&remote).unwrap();
    assert_eq!((&checks[0]["name"], &checks[0]["level"]), (&"Docker".into(), &"ok".into()), "{remote}");
    assert!(!remote.contains("\"Disk\""), "the disk of this machine was looked at: {remote}");
    let log = fs::read_to_string(dir.path().join("log")).unwrap();
    let expected = "-l me -p 2222 -- box.example docker system dial-stdio";
    assert!(log.lines().count() > 3 && log.lines().all(|line| line.ends_with(expected)), "{log}");

    let create = ["context", "create", "box", "--docker", "host=ssh://box"];
    let _ = run(Command::new("docker").args(create).env("DOCKER_CONFIG", dir.path()), "").ok();
    assert_eq!(openshell("DOCKER_CONTEXT", "box").code, 0);
    assert!(fs::read_to_string(dir.path().join("log")).unwrap().contains(" -- box docker "));
    let gone = openshell("DOCKER_CONTEXT", "gone");
    assert!(gone.code == 1 && gone.stdout.contains("DOCKER_CONTEXT"), "{gone:#?}");
}
