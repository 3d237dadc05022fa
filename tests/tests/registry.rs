//! Images that come from a registry which lets nobody in without a password.

use openshell_contract::condition::{Kind, Truth};
use openshell_contract::reason::Reason;
use openshell_e2e::registry::Registry;
use openshell_e2e::{Gateway, docker, run};

const USER: &str = "robot$e2e";
/// Every sign that some notation gives a meaning.
const PASSWORD: &str = r#"p'":#\ {{x}} $HOME %41 x"#;

/// Arguments of a start with the image `tag`, which nobody else has.
fn arguments(registry: &Registry, tag: &str, password: &str) -> Vec<String> {
    [
        "REGISTRY_HOST=registry.e2e.test".to_owned(),
        format!("REGISTRY_ENDPOINT=host.docker.internal:{}", registry.port),
        "REGISTRY_INSECURE=yes".to_owned(),
        format!("REGISTRY_USERNAME={USER}"),
        format!("REGISTRY_PASSWORD={password}"),
        "IMAGE_REPO_BASE=registry.e2e.test/e2e".to_owned(),
        format!("IMAGE_TAG={tag}"),
    ]
    .into_iter()
    .flat_map(|variable| ["--env".to_owned(), variable])
    .collect()
}

fn start(gateway: &Gateway, more: &[&str], arguments: &[String]) {
    let arguments: Vec<&str> = more.iter().copied().chain(arguments.iter().map(String::as_str)).collect();
    let _ = gateway.start(&arguments).ok();
}

fn image(gateway: &Gateway) -> String {
    let path = "jsonpath={.spec.containers[0].image} {.status.conditions[?(@.type=='Ready')].status}";
    gateway.kubectl(&["get", "pod", "openshell-0", "-o", path], "").ok()
}

/// The image of the gateway's own container; any that starts does.
fn the_host_command_pulls_with_a_login(registry: &Registry) {
    let gateway = Gateway::new("pull");
    let image = format!("{}/e2e/gateway:1", registry.address());
    let start = |login: &[(&str, &str)]| {
        let mut command = gateway.command("gateway");
        command.args(["start", "--no-wait", "--image", &image, "--port", &gateway.port.to_string()]);
        let output = run(command.envs(login.iter().copied()), "");
        let _ = docker(&["rm", "-f", &gateway.object()]);
        let _ = docker(&["rmi", &image]);
        output
    };
    let nowhere = ("DOCKER_CONFIG", "/nowhere");
    let user = ("OPENSHELL_REGISTRY_USERNAME", USER);
    for login in [&[nowhere][..], &[nowhere, user, ("OPENSHELL_REGISTRY_TOKEN", "wrong")]] {
        let refused = start(login);
        assert_eq!(refused.code, 14, "{refused:#?}");
        assert!(refused.stderr.contains(&format!("docker login {}", registry.address())), "{refused:#?}");
    }
    let _ = start(&[nowhere, user, ("OPENSHELL_REGISTRY_TOKEN", PASSWORD)]).ok();
    let _ = start(&[("DOCKER_CONFIG", &registry.docker_config().display().to_string())]).ok();
}

#[test]
fn the_right_password_pulls_and_a_wrong_one_is_told() {
    let registry = Registry::start(USER, PASSWORD);
    for tag in ["1", "2"] {
        registry.push("openshell-test/gateway:dev", &format!("e2e/gateway:{tag}"));
    }
    let pulled =
        |tag: &str| registry.requests().contains(&format!("200 HEAD /v2/e2e/gateway/manifests/{tag}"));
    let refused = |tag: &str| {
        let of_tag = format!("HEAD /v2/e2e/gateway/manifests/{tag}");
        registry.requests().iter().filter(|r| **r == format!("401 {of_tag}")).count()
    };

    the_host_command_pulls_with_a_login(&registry);
    let gateway = Gateway::new("registry");
    start(&gateway, &[], &arguments(&registry, "1", PASSWORD));
    assert_eq!(image(&gateway), "registry.e2e.test/e2e/gateway:1 True");
    assert!(pulled("1"), "{:?}", registry.requests());
    assert_eq!(gateway.exec(&["stat", "-c", "%a", "/etc/rancher/k3s/registries.yaml"]).ok().trim(), "600");
    let config = gateway.exec(&["openshell-init", "config"]).ok();
    assert!(config.contains("REGISTRY_PASSWORD=(hidden)  (the environment)"), "{config}");
    assert!(!config.contains(PASSWORD), "{config}");
    let (bundle, as_json) = (gateway.bundle(), serde_json::json!(PASSWORD).to_string());
    assert!(bundle.contains("REGISTRY_PASSWORD=<hidden>"), "nothing to look at");
    assert!(!bundle.contains(PASSWORD) && !bundle.contains(as_json.trim_matches('"')), "the bundle tells it");

    start(&gateway, &["--no-wait"], &arguments(&registry, "2", "wrong"));
    gateway.wait("it is told that the image can't be pulled", || {
        let conditions = gateway.status().map(|status| status.conditions).unwrap_or_default();
        conditions.iter().any(|c| {
            c.kind == Kind::Workload
                && c.status == Truth::False
                && c.reason == Some(Reason::ImageNotPulled)
                && c.message.contains("e2e/gateway:2")
                && !c.remedy.is_empty()
        })
    });
    assert!(!pulled("2") && refused("2") > 1, "{:?}", registry.requests());

    start(&gateway, &[], &arguments(&registry, "2", PASSWORD));
    assert_eq!(image(&gateway), "registry.e2e.test/e2e/gateway:2 True");
    assert!(pulled("2"), "{:?}", registry.requests());
}
