//! `openshell-init config` as people run it.

use std::process::{Command, Output};

fn config(args: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openshell-init"));
    command.arg("config").args(args).env_clear().envs(environment.iter().copied());
    command.output().expect("the program runs")
}

const ENVIRONMENT: [(&str, &str); 4] = [
    ("REGISTRY_HOST", "localhost:5000"),
    ("REGISTRY_PASSWORD", "hunter2"),
    ("OPENSHELL_STOP_TIMEOUTS", "9"),
    ("PATH", "/bin"),
];

#[test]
fn it_tells_values_where_they_are_from_and_what_nobody_knows() {
    let told = config(&[], &ENVIRONMENT);
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success(), "{text}");
    for line in [
        "REGISTRY_HOST=localhost:5000  (the environment)",
        "REGISTRY_PASSWORD=(hidden)  (the environment)",
        "OPENSHELL_STOP_TIMEOUT=9  (this release)",
        "unknown: OPENSHELL_STOP_TIMEOUTS in the environment",
    ] {
        assert!(text.lines().any(|l| l == line), "no {line:?} in:\n{text}");
    }
}

#[test]
fn as_json_it_can_be_read_by_programs_and_names_what_is_not_allowed() {
    let environment = [&ENVIRONMENT[..], &[("OPENSHELL_SANDBOX_IMAGE", "no image")]].concat();
    let told = config(&["--json"], &environment);
    assert_eq!(told.status.code(), Some(1), "one is not allowed");
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let setting = |name: &str| {
        let all = json["settings"].as_array().unwrap();
        all.iter().find(|setting| setting["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    assert_eq!(setting("REGISTRY_HOST")["value"], "localhost:5000");
    assert_eq!(setting("REGISTRY_HOST")["source"], "environment");
    assert_eq!(setting("DB_URL")["value"], serde_json::Value::Null);
    let defect = setting("OPENSHELL_SANDBOX_IMAGE")["defect"].as_str().unwrap().to_owned();
    assert!(defect.contains("\"no image\"") && defect.contains("an image reference"), "{defect}");
    assert_eq!(json["unknown"], serde_json::json!([["OPENSHELL_STOP_TIMEOUTS", "environment"]]));
}
