use super::*;
use proptest::prelude::*;

pub fn layer(pairs: &[(&str, &str)]) -> Layer {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn environment(pairs: &[(&str, &str)]) -> Result<Settings, Vec<Invalid>> {
    Settings::from_layers(&[(Source::Environment, &layer(pairs))])
}

#[test]
fn nothing_set_gives_the_defaults() {
    let settings = environment(&[]).unwrap();
    assert_eq!(settings.workload.repo_base, "ghcr.io/nvidia/openshell");
    assert_eq!(settings.workload.tag, "0.0.22");
    assert_eq!(settings.stop_timeout, Duration::from_secs(9));
    assert!(!settings.disable_tls);
}

#[test]
fn the_stronger_layer_wins_and_an_empty_value_falls_back() {
    let image = layer(&[("IMAGE_TAG", "image")]);
    let volume = layer(&[("IMAGE_TAG", "volume")]);
    let tag = |env: &[(&str, &str)]| {
        let env = layer(env);
        let layers = [(Source::Image, &image), (Source::Volume, &volume), (Source::Environment, &env)];
        Settings::from_layers(&layers).unwrap().workload.tag
    };
    assert_eq!(tag(&[("IMAGE_TAG", "env")]), "env");
    assert_eq!(tag(&[]), "volume");
    assert_eq!(tag(&[("IMAGE_TAG", " ")]), "image");
}

#[test]
fn every_malformed_value_is_named_with_its_allowed_form() {
    let bad = [
        ("OPENSHELL_NODE_NAME", "Under_score"),
        ("EXTRA_SANS", "ok.example,not ok"),
        ("DISABLE_TLS", "maybe"),
        ("DISABLE_GATEWAY_AUTH", "2"),
        ("IMAGE_REPO_BASE", "a b"),
        ("IMAGE_TAG", "-x"),
        ("IMAGE_PULL_POLICY", "always"),
        ("DB_URL", "mysql://secret@host"),
        ("SSH_GATEWAY_HOST", "ho st"),
        ("SSH_GATEWAY_PORT", "0"),
        ("OPENSHELL_SERVER_BIND_ADDRESS", "localhost"),
        ("OPENSHELL_SERVER_HEALTH_PORT", "65536"),
        ("UPSTREAM_DNS", "8.8.8.8,dns.example"),
        ("REGISTRY_HOST", "https://ghcr.io"),
        ("REGISTRY_ENDPOINT", "ghcr.io/path"),
        ("REGISTRY_USERNAME", "a:b"),
        ("REGISTRY_PASSWORD", "hunter2\u{7}"),
        ("REGISTRY_PASSWORD_FILE", "relative"),
        ("COMMUNITY_REGISTRY_HOST", "a b"),
        ("OPENSHELL_SANDBOX_IMAGE", "no image"),
        ("PUSH_IMAGE_REFS", "x/gateway:1,x/gateway"),
        ("OIDC_ISSUER", "idp.example"),
        ("OPENSHELL_LOG_FORMAT", "xml"),
        ("OPENSHELL_STOP_TIMEOUT", "1.5"),
    ];
    let invalid = environment(&bad).unwrap_err();
    let names: Vec<_> = invalid.iter().map(|i| i.name).collect();
    for (name, value) in bad {
        let position = names.iter().position(|n| *n == name).unwrap_or_else(|| panic!("{name} accepted"));
        let text = invalid[position].to_string();
        assert!(text.starts_with(name), "{text}");
        assert!(text.contains(invalid[position].allowed), "{text}");
        let is_secret = ["DB_URL", "REGISTRY_PASSWORD"].contains(&name);
        assert_eq!(text.contains(value), !is_secret, "{text}");
    }
}

#[test]
fn booleans_read_as_the_original_reads_them() {
    for (text, value) in
        [("TRUE", true), ("1", true), ("Yes", true), ("on", true), ("off", false), ("0", false)]
    {
        assert_eq!(environment(&[("REGISTRY_INSECURE", text)]).unwrap().registry.insecure, value);
    }
}

#[test]
fn the_volume_remembers_what_was_asked_and_keeps_what_it_does_not_know() {
    let volume = layer(&[("IMAGE_TAG", "old"), ("DISABLE_TLS", "true"), ("FROM_A_NEWER_RELEASE", "x")]);
    let env = layer(&[
        ("IMAGE_TAG", "new"),
        ("DISABLE_TLS", ""),
        ("OPENSHELL_LOG_FORMAT", "json"),
        ("PATH", "/bin"),
    ]);
    assert_eq!(
        Settings::to_persist(&volume, &env),
        layer(&[("IMAGE_TAG", "new"), ("FROM_A_NEWER_RELEASE", "x")])
    );
}

#[test]
fn every_default_is_of_its_allowed_form() {
    for key in KEYS {
        assert!(key.default.is_none_or(key.is_allowed), "{}", key.name);
    }
}

#[test]
fn a_password_is_taken_as_it_is_and_the_stronger_way_to_say_it_counts() {
    let volume = layer(&[("REGISTRY_PASSWORD", "old")]);
    let of = |env: &[(&str, &str)]| {
        let env = layer(env);
        let registry = Settings::from_layers(&[(Source::Volume, &volume), (Source::Environment, &env)])
            .unwrap()
            .registry;
        (registry.password, registry.password_file)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(of(&[]), (some("old"), None));
    assert_eq!(of(&[("REGISTRY_PASSWORD", " '\":#\n ")]), (some(" '\":#\n "), None));
    assert_eq!(of(&[("REGISTRY_PASSWORD_FILE", "/s")]), (None, some("/s")));
    assert_eq!(of(&[("REGISTRY_PASSWORD_FILE", "/s"), ("REGISTRY_PASSWORD", "x")]), (None, some("/s")));
    assert_eq!(of(&[("REGISTRY_PASSWORD", "")]), (None, None));
    let file = layer(&[("REGISTRY_PASSWORD_FILE", "/s")]);
    assert_eq!(
        Settings::to_persist(&volume, &file),
        layer(&[]),
        "neither the old password nor the path stays"
    );
}

#[test]
fn pushed_images_are_taken_exactly() {
    let refs = "127.0.0.1:5000/a/gateway:1.2, x/supervisor:dev,x/other:1";
    let workload = environment(&[("PUSH_IMAGE_REFS", refs)]).unwrap().workload;
    let told = |image: Option<Image>| image.map(|image| format!("{} {}", image.repository, image.tag));
    assert_eq!(told(workload.gateway_image).as_deref(), Some("127.0.0.1:5000/a/gateway 1.2"));
    assert_eq!(told(workload.supervisor_image).as_deref(), Some("x/supervisor dev"));
}

#[test]
fn nobody_is_let_in_by_tokens_without_an_issuer() {
    assert_eq!(environment(&[("OIDC_AUDIENCE", "x")]).unwrap().workload.oidc, None);
    let issuer = "https://idp.example/realms/a&b?c=|d";
    let oidc = environment(&[("OIDC_ISSUER", issuer)]).unwrap().workload.oidc.unwrap();
    assert_eq!((oidc.issuer.as_str(), oidc.audience.as_str()), (issuer, "openshell-cli"));
    assert_eq!((oidc.admin_role.as_str(), oidc.scopes_claim), ("openshell-admin", None));
}

#[test]
fn a_misspelt_name_is_noticed() {
    let env = layer(&[("OPENSHELL_STOP_TIMEOUTS", "9"), ("OPENSHELL_NODE_NAME", "n"), ("HOME", "/")]);
    assert_eq!(Settings::unknown_names(&env), ["OPENSHELL_STOP_TIMEOUTS"]);
}

#[test]
fn a_password_never_shows() {
    let settings = environment(&[("REGISTRY_PASSWORD", "hunter2")]).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

proptest! {
    #[test]
    fn no_text_panics_and_persisting_twice_changes_nothing(
        values in proptest::collection::vec(("\\PC{0,40}", 0..KEYS.len()), 0..12)
    ) {
        let env: Layer = values.into_iter().map(|(v, i)| (KEYS[i].name.to_owned(), v)).collect();
        let _ = Settings::from_layers(&[(Source::Environment, &env)]);
        let once = Settings::to_persist(&Layer::new(), &env);
        prop_assert_eq!(Settings::to_persist(&once, &env), once);
    }
}
