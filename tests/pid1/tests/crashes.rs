//! Process 1 is gone at the beginning or end of any stage, or somebody damages what it keeps: the next start
//! finds all that it needs.

use openshell_pid1_tests::Node;
use std::fs;
use std::path::{Path, PathBuf};

const WELL: &str = r#"exec "$PING_PONG" count TERM obey TERM say k3s-runs hang"#;

/// Stages that begin without a cluster.
const STAGES: [&str; 16] = [
    "volume",
    "config",
    "ports",
    "cgroup",
    "mounts",
    "kernel",
    "leftovers",
    "images",
    "registries",
    "identity",
    "route",
    "iptables",
    "seal",
    "dns",
    "k3s",
    "api",
];

#[test]
fn a_crash_at_every_edge_of_every_stage_leaves_nothing_that_the_next_start_minds() {
    let node = Node::new(WELL).env("IMAGE_TAG", "told-once");
    node.up().stops_cleanly("first");
    let before = identity(&node);
    for stage in STAGES {
        // Without a cluster this one has no end.
        let edges = if stage == "api" { vec!["begin"] } else { vec!["begin", "end"] };
        for edge in edges {
            let fault = node.in_volume("openshell/fault");
            fs::write(&fault, format!("exit:{stage}:{edge}\n")).unwrap();
            // It may be gone before anybody can see that it was ready.
            let ended = node.boot().start().ended();
            assert_eq!(ended.code, 99, "{stage}:{edge}: {:#?}", ended.lines);
            assert!(!fault.exists(), "it would strike again");
            let up = node.up();
            let status = up.document().unwrap();
            assert!(status.contains(r#""problems":[]"#), "after {stage}:{edge}: {status}");
            up.stops_cleanly(stage);
            assert_eq!(identity(&node), before, "after {stage}:{edge}");
        }
    }
}

#[test]
fn a_damaged_file_is_restored_and_told() {
    let node = Node::new(WELL).env("IMAGE_TAG", "told-once");
    node.up().stops_cleanly("first");
    let before = identity(&node);
    for (file, damage) in [
        ("version", &b"3\n"[..]),
        ("version", b""),
        ("config.json", b"{\"IMAGE_TAG\":\"tol"),
        ("config.json", b"{\"IMAGE_TAG\":\"tolt-once\"}"),
        ("last-run.json", b"{\"node\":\"another\"}"),
        ("machine-id", b"0123456789abcdef0123456789abcdef\n"),
        ("node/password", b"0123456789abcdef0123456789abcdef\n"),
    ] {
        fs::write(node.in_volume("openshell").join(file), damage).unwrap();
        let up = node.up();
        let status = up.document().unwrap();
        assert!(status.contains(r#""problems":[]"#), "{file}: {status}");
        assert!(status.contains(&format!("{file} was damaged or edited")), "{file}: {status}");
        up.stops_cleanly(file);
        assert_eq!(identity(&node), before, "{file}");
    }
    fs::remove_dir_all(node.in_volume("openshell/copies")).unwrap();
    let up = node.up();
    let status = up.document().unwrap();
    assert!(!status.contains("restored from its copy"), "{status}");
    up.stops_cleanly("without copies");
    assert_eq!(kept(&node).len(), 5, "the copies are made again");
}

/// What the node is known by.
fn identity(node: &Node) -> Vec<(PathBuf, String)> {
    ["machine-id", "node/password", "version", "config.json"]
        .map(|file| read(node.in_volume("openshell").join(file)))
        .to_vec()
}

/// The files that have copies.
fn kept(node: &Node) -> Vec<(PathBuf, String)> {
    let copies = fs::read_dir(node.in_volume("openshell/copies")).expect("the copies");
    copies.map(|entry| read(entry.expect("a copy").path())).collect()
}

fn read(file: impl AsRef<Path>) -> (PathBuf, String) {
    let text = fs::read_to_string(&file).expect("a text");
    (file.as_ref().to_owned(), text)
}
