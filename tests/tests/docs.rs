//! Every command that the README and `docs/` show, run on a real gateway in the order of the pages.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_e2e::gateway::{cluster_image, openshell_bin};
use openshell_e2e::{Gateway, run};
use std::path::Path;
use std::process::Command;

const PAGES: [&str; 4] = ["docs/operating.md", "docs/performance.md", "docs/migrating.md", "README.md"];
/// What sets up whole machines, or doesn't end by itself.
const NOT_HERE: [&str; 4] = ["scripts/up", "scripts/test", "scripts/bench", "logs -f"];

#[test]
fn every_command_shown_works() {
    let gateway = Gateway::new("docs");
    let _ = gateway.start(&[]).ok();
    let mut commands: Vec<_> = PAGES.iter().flat_map(|page| commands_of(page)).collect();
    // What a page shows after it is for a gateway that is there.
    commands.sort_by_key(|(_, command)| command.contains("gateway destroy"));
    assert!(commands.len() > 10, "only {} commands were found", commands.len());
    for (page, command) in commands {
        let output = in_shell(&gateway, &command);
        assert_eq!(output.code, 0, "{page}: {command}\n{output:#?}");
        gateway.wait("what it changed is done", || settled(&gateway));
    }
}

/// A gateway that was stopped or destroyed by a command is as settled as one that is ready.
fn settled(gateway: &Gateway) -> bool {
    let running = openshell_e2e::docker(&["top", &gateway.object()]).code == 0;
    !running || gateway.exec(&["openshell-init", "health"]).stdout.trim() == "ready"
}

/// The page and each line of its `sh` blocks, without comments.
fn commands_of(page: &'static str) -> Vec<(&'static str, String)> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let mut inside = false;
    let mut commands = Vec::new();
    for line in text.lines().map(str::trim) {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => commands.push((page, line.split(" #").next().unwrap().trim().to_owned())),
            _ => {}
        }
    }
    commands
        .retain(|(_, command)| !command.is_empty() && !NOT_HERE.iter().any(|skip| command.contains(skip)));
    commands
}

/// Runs it as a reader would, on this gateway instead of the default one.
fn in_shell(gateway: &Gateway, command: &str) -> openshell_e2e::Output {
    let bin = openshell_bin();
    let command = command
        .replace("target/release/openshell", "openshell")
        .replace("openshell-cluster-openshell", &gateway.object())
        .replace("gateway destroy", "gateway destroy --yes");
    let path = format!("{}:{}", bin.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-ec", &command]).current_dir(root()).env("PATH", path);
    shell.env("OPENSHELL_GATEWAY", &gateway.name).env("OPENSHELL_CLUSTER_IMAGE", cluster_image());
    run(shell.env("XDG_CONFIG_HOME", gateway.config()), "")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
