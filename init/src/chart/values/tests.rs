use super::*;
use openshell_contract::settings::{Layer, Source};
use proptest::prelude::*;
use serde_json::json;

fn rendered(environment: &[(&str, &str)]) -> serde_json::Value {
    let layer: Layer = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let settings = Settings::from_layers(&[(Source::Environment, &layer)]).unwrap();
    let checksums = BTreeMap::from([("client-ca", "c0ffee".to_owned())]);
    let inputs = Inputs { host_gateway: Some(Ipv4Addr::new(172, 18, 0, 1)), checksums: &checksums };
    serde_json::to_value(values(&settings, &inputs)).unwrap()
}

#[test]
fn the_default_gives_the_earlier_server_nothing_that_it_does_not_know() {
    assert_eq!(
        rendered(&[]),
        json!({
            "image": {"repository": "ghcr.io/nvidia/openshell/gateway", "tag": "0.0.22"},
            "server": {"disableTls": false, "disableGatewayAuth": false, "hostGatewayIP": "172.18.0.1"},
            "checksums": {"client-ca": "c0ffee"},
        })
    );
}

#[test]
fn the_later_server_gets_its_ports() {
    let values = rendered(&[
        ("OPENSHELL_SERVER_HEALTH_PORT", "8081"),
        ("OPENSHELL_SERVER_BIND_ADDRESS", "0.0.0.0"),
        ("IMAGE_PULL_POLICY", "IfNotPresent"),
    ]);
    assert_eq!(values["service"], json!({"healthPort": 8081}));
    assert_eq!(values["server"]["bindAddress"], "0.0.0.0");
    assert_eq!(values["image"]["pullPolicy"], "IfNotPresent");
}

#[test]
fn pushed_images_take_the_place_of_the_released_ones() {
    let values = rendered(&[
        ("IMAGE_REPO_BASE", "ghcr.io/x"),
        ("PUSH_IMAGE_REFS", "127.0.0.1:5000/y/gateway:dev,127.0.0.1:5000/y/supervisor:dev2"),
        ("IMAGE_PULL_POLICY", "IfNotPresent"),
    ]);
    let gateway =
        json!({"repository": "127.0.0.1:5000/y/gateway", "tag": "dev", "pullPolicy": "IfNotPresent"});
    assert_eq!(values["image"], gateway);
    let supervisor = json!({"repository": "127.0.0.1:5000/y/supervisor", "tag": "dev2"});
    assert_eq!(values["supervisor"]["image"], supervisor);
}

#[test]
fn tokens_count_only_with_an_issuer() {
    assert_eq!(rendered(&[("OIDC_AUDIENCE", "x")])["server"]["oidc"], json!(null));
    let issuer = "https://idp.example/realms/a&b?c=|d";
    assert_eq!(
        rendered(&[("OIDC_ISSUER", issuer), ("OIDC_SCOPES_CLAIM", "scp")])["server"]["oidc"],
        json!({
            "issuer": issuer, "audience": "openshell-cli", "rolesClaim": "realm_access.roles",
            "adminRole": "openshell-admin", "userRole": "openshell-user", "scopesClaim": "scp",
        })
    );
}

#[test]
fn workload_settings_reach_the_chart_as_they_are() {
    let values = rendered(&[
        ("OPENSHELL_SANDBOX_IMAGE", "r.example:5000/base:1"),
        ("SANDBOX_IMAGE_PULL_POLICY", "Always"),
        ("DB_URL", "postgres://u:p&a|$$(HOME)@h/db"),
        ("SSH_GATEWAY_HOST", "fd00::4"),
        ("SSH_GATEWAY_PORT", "2222"),
        ("DISABLE_TLS", "true"),
        ("DISABLE_GATEWAY_AUTH", "1"),
    ]);
    let server = &values["server"];
    for (key, value) in [
        ("sandboxImage", json!("r.example:5000/base:1")),
        ("sandboxImagePullPolicy", json!("Always")),
        ("dbUrl", json!("postgres://u:p&a|$$(HOME)@h/db")),
        ("sshGatewayHost", json!("fd00::4")),
        ("sshGatewayPort", json!(2222)),
        ("disableTls", json!(true)),
        ("disableGatewayAuth", json!(true)),
    ] {
        assert_eq!(server[key], value, "{key}");
    }
}

proptest! {
    #[test]
    fn no_text_becomes_anything_else_on_its_way_to_helm(text in "\\PC{0,30}\"'{1,2}[:#&|$\\\\]\\PC{0,10}") {
        let text = format!("x{}x", text.trim());
        let values = rendered(&[("OIDC_ISSUER", "https://i"), ("OIDC_AUDIENCE", &text), ("OIDC_ADMIN_ROLE", &text)]);
        let read: serde_json::Value = serde_json::from_slice(&serde_json::to_vec(&values).unwrap()).unwrap();
        let oidc = &read["server"]["oidc"];
        prop_assert_eq!(oidc["audience"].as_str(), Some(text.as_str()));
        prop_assert_eq!(oidc["adminRole"].as_str(), Some(text.as_str()));
    }
}
