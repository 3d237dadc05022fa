//! The volume of an original gateway: its Secrets are taken over as they are, and renewed without cutting off
//! who knows only the old ones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use openshell_contract::status::Phase;
use openshell_e2e::client::secret_text;
use openshell_e2e::{Client, Gateway, original};
use serde_json::Value;

#[test]
fn original_secrets_are_adopted_unchanged_and_renewed_beside_their_clients() {
    let gateway = Gateway::new("adoption");
    let _ = gateway.start(&["--plaintext"]).ok();
    original::put_secrets(&gateway);
    let before = contents(&gateway);

    let _ = gateway.start(&["--plaintext=false"]).ok();
    assert_eq!(contents(&gateway), before);
    assert_ne!(gateway.kubectl(&["get", "secret", "openshell-ca"], "").code, 0, "a CA was made");
    let status = gateway.status().unwrap();
    assert_eq!(status.phase, Phase::Ready);
    assert!(status.warnings.iter().any(|w| w.contains("rotate pki --ca")), "{:?}", status.warnings);
    let old = Client::new(&gateway);
    assert_eq!(old.file("ca.crt"), secret_text(&gateway, "openshell-server-client-ca", "ca.crt"));
    old.connects(&gateway);

    let refused = gateway.exec(&["openshell-init", "rotate", "pki", "--leaf"]);
    assert!(refused.code == 1 && refused.stderr.contains("no key"), "{refused:#?}");
    rotate(&gateway, "--ca");
    assert_eq!(contents(&gateway)["openshell-server-tls"], before["openshell-server-tls"]);
    // Who holds the old files alone, and who was handed the new ones.
    old.connects(&gateway);
    let told = Client::new(&gateway);
    assert_eq!(told.cas(), 2);
    told.connects(&gateway);

    rotate(&gateway, "--leaf");
    told.connects(&gateway);
    // A certificate of the old CA is still accepted; only trust in the new CA is needed.
    old.trust_as(&told);
    old.connects(&gateway);
    assert_eq!(contents(&gateway)["openshell-ssh-handshake"], before["openshell-ssh-handshake"]);
}

fn rotate(gateway: &Gateway, what: &str) {
    let _ = gateway.exec(&["openshell-init", "rotate", "pki", what]).ok();
    gateway.wait_ready();
}

/// Identity, type and data of each Secret, by name. Base64 text, compared and never decoded.
fn contents(gateway: &Gateway) -> Value {
    let all = original::SECRETS.map(|name| {
        let json = gateway.kubectl(&["get", "secret", name, "-o", "json"], "").ok();
        let json: Value = serde_json::from_str(&json).unwrap();
        let kept = serde_json::json!([json["metadata"]["uid"], json["type"], json["data"]]);
        (name.to_owned(), kept)
    });
    Value::Object(all.into_iter().collect())
}
