//! What `image/Dockerfile` has to say, and what it may copy.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

#[test]
fn docker_asks_for_the_health_often_and_gives_a_first_start_its_time() {
    let dockerfile = text("image/Dockerfile");
    let last = dockerfile.rsplit("\nFROM ").next().unwrap();
    for line in [
        "HEALTHCHECK --interval=5s --timeout=5s --start-period=20s --retries=60 CMD [\"/usr/local/bin/openshell-init\", \"health\"]",
        "STOPSIGNAL SIGTERM",
        "VOLUME /var/lib/rancher/k3s",
        "ENTRYPOINT [\"/usr/local/bin/openshell-init\"]",
        "CMD [\"boot\"]",
    ] {
        assert!(last.lines().any(|l| l == line), "no {line:?}");
    }
    // Nothing runs in it, so that it needs no shell and no emulation.
    assert!(!last.lines().any(|l| l.starts_with("RUN ")), "{last}");
}

#[test]
fn third_parties_images_are_pinned_by_digest() {
    let dockerfile = text("image/Dockerfile");
    let defaults = dockerfile.lines().filter_map(|line| line.strip_prefix("ARG ")?.split_once("_IMAGE="));
    let images: Vec<_> = defaults.collect();
    assert!(images.len() >= 3, "{images:?}");
    for (name, image) in images {
        assert!(image.contains("@sha256:"), "{name}: {image}");
    }
}

#[test]
fn only_the_manifests_that_every_gateway_needs_are_applied_unasked() {
    let mut names: Vec<_> = fs::read_dir(root().join("image/manifests"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["agent-sandbox-controller.yaml", "agent-sandbox-crd.yaml"]);
}

#[test]
fn the_build_from_source_gets_every_member_of_the_workspace() {
    let (workspace, dockerfile, ignore) =
        (text("Cargo.toml"), text("image/Dockerfile"), text(".dockerignore"));
    let members = workspace.lines().find_map(|line| line.strip_prefix("members = [")).unwrap();
    for member in members.trim_end_matches(']').split(", ").map(|member| member.trim_matches('"')) {
        // A directory above it will do, or its manifest alone.
        let top = member.split('/').next().unwrap();
        let wanted = [member.to_owned(), top.to_owned(), format!("{member}/Cargo.toml")];
        let copied = |path: &String| dockerfile.lines().any(|l| l == format!("COPY {path} {path}"));
        let sent = |path: &String| ignore.lines().any(|l| l == format!("!{path}"));
        assert!(wanted.iter().any(copied), "{member} is not copied");
        assert!(wanted.iter().any(sent), "{member} is not sent");
    }
}
