use super::*;
use proptest::prelude::*;

fn bare(existing: Option<Settings>) -> Settings {
    Settings::resolve(&cli::Start::default(), existing, Remembered::default())
}

fn name() -> GatewayName {
    "openshell".parse().unwrap()
}

#[test]
fn nothing_given_gives_the_defaults() {
    let settings = bare(None);
    assert_eq!(settings.image, DEFAULT_IMAGE);
    assert_eq!(settings.endpoint(true), "https://127.0.0.1:8080");
    let node = ("OPENSHELL_NODE_NAME".to_owned(), "openshell-openshell".to_owned());
    assert_eq!(settings.environment(&name()), BTreeMap::from([node]));
}

#[test]
fn what_is_remembered_serves_only_without_a_container() {
    let remembered = Remembered {
        port: Some(9000),
        gateway_host: Some("box.example".to_owned()),
        ..Remembered::default()
    };
    let fresh = Settings::resolve(&cli::Start::default(), None, remembered.clone());
    assert_eq!(fresh.endpoint(true), "https://box.example:9000");
    let existing = Settings::resolve(&cli::Start::default(), Some(bare(None)), remembered);
    assert_eq!(existing, bare(None));
}

#[test]
fn flags_become_the_originals_variables() {
    let flags = cli::Start {
        plaintext: Some(true),
        gateway_host: Some("box.example".to_owned()),
        port: Some(9000),
        bind: Some("10.0.0.2".parse().unwrap()),
        env: vec![("EXTRA_SANS".to_owned(), "a.example".to_owned())],
        ..cli::Start::default()
    };
    let env = Settings::resolve(&flags, None, Remembered::default()).environment(&name());
    for (key, value) in [
        ("DISABLE_TLS", "true"),
        ("SSH_GATEWAY_HOST", "box.example"),
        ("SSH_GATEWAY_PORT", "9000"),
        ("EXTRA_SANS", "box.example,10.0.0.2,a.example"),
    ] {
        assert_eq!(env.get(key).map(String::as_str), Some(value));
    }
}

#[test]
fn a_secret_in_the_environment_is_not_shown() {
    let flags = cli::Start { env: vec![("DB_URL".into(), "hunter2".into())], ..cli::Start::default() };
    let settings = Settings::resolve(&flags, None, Remembered::default());
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert!(!serde_json::to_string(&settings.options).unwrap().contains("hunter2"));
}

#[test]
fn what_only_docker_knew_outlives_the_container() {
    let flags = cli::Start {
        gpu: Some("nvidia.com/gpu=1".parse().unwrap()),
        memory: Some("6g".parse().unwrap()),
        cpus: Some("1.5".parse().unwrap()),
        bind: Some("10.0.0.2".parse().unwrap()),
        ..cli::Start::default()
    };
    let made = Settings::resolve(&flags, None, Remembered::default());
    // As the file with the metadata keeps it.
    let kept = serde_json::from_str(&serde_json::to_string(&made.kept()).unwrap()).unwrap();
    let again = Settings::resolve(
        &cli::Start::default(),
        None,
        Remembered { container: kept, ..Remembered::default() },
    );
    assert_eq!(again.digest(), made.digest());

    let back = cli::Start {
        gpu: Some("off".parse().unwrap()),
        memory: Some("0".parse().unwrap()),
        cpus: Some("0".parse().unwrap()),
        ..cli::Start::default()
    };
    let settings = Settings::resolve(&back, Some(made), Remembered::default());
    assert_eq!((settings.options.resources.memory, settings.options.resources.cpus), (None, None));
    // The volume remembers that there was one, so that it has to be told.
    assert_eq!(settings.environment(&name())["GPU_ENABLED"], "false");
}

#[test]
fn a_login_is_for_the_images_registry() {
    let flags = |image: &str, user: Option<&str>, token: Option<&str>| cli::Start {
        image: Some(image.to_owned()),
        registry_username: user.map(str::to_owned),
        registry_token: token.map(str::to_owned),
        ..cli::Start::default()
    };
    let env = |flags: &cli::Start, existing| Settings::resolve(flags, existing, Remembered::default()).env;
    let of = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    };
    let given = env(&flags("box:5000/cluster:1", Some("me"), Some("pw")), None);
    let expected =
        of(&[("REGISTRY_HOST", "box:5000"), ("REGISTRY_PASSWORD", "pw"), ("REGISTRY_USERNAME", "me")]);
    assert_eq!(given, expected);
    let token = env(&flags("ghcr.io/cluster:1", None, Some("t")), None);
    assert_eq!(
        (token["REGISTRY_HOST"].as_str(), token["REGISTRY_USERNAME"].as_str()),
        ("ghcr.io", "__token__")
    );
    // Of an image without a registry nobody knows whom the password is for.
    assert!(!env(&flags("openshell/cluster:dev", None, Some("t")), None).contains_key("REGISTRY_HOST"));
    // A registry that was named stays, and nothing is forgotten by a bare start.
    let mut first = flags("box:5000/cluster:1", Some("me"), Some("pw"));
    first.env = vec![("REGISTRY_HOST".to_owned(), "mirror.example".to_owned())];
    let made = Settings::resolve(&first, None, Remembered::default());
    assert_eq!(made.env["REGISTRY_HOST"], "mirror.example");
    assert_eq!(bare(Some(made.clone())).digest(), made.digest());
}

fn any_flags() -> impl Strategy<Value = cli::Start> {
    let bind =
        proptest::option::of(prop_oneof![Just("127.0.0.1"), Just("0.0.0.0"), Just("10.0.0.2"), Just("::1")]);
    let host = proptest::option::of("[a-z]{1,8}");
    let names = ["EXTRA_SANS", "DISABLE_TLS", "SSH_GATEWAY_HOST", "IMAGE_TAG", "OPENSHELL_NODE_NAME"];
    let env = proptest::collection::vec((proptest::sample::select(names.to_vec()), "[a-z,]{0,8}"), 0..4);
    let limits = (
        proptest::option::of(prop_oneof![Just("0"), Just("1g"), Just("6144m")]),
        proptest::option::of(prop_oneof![Just("0"), Just("0.5"), Just("1.25")]),
        proptest::option::of(prop_oneof![Just("auto"), Just("off"), Just("legacy"), Just("a/b=c,a/b=d")]),
        proptest::option::of("[a-z]{1,4}"),
    );
    let bools = (proptest::option::of(any::<bool>()), proptest::option::of(any::<bool>()));
    let all = (proptest::option::of(1..=u16::MAX), bind, host, env, bools, limits);
    all.prop_map(|(port, bind, host, env, bools, limits)| cli::Start {
        port,
        bind: bind.map(|b| b.parse().unwrap()),
        gateway_host: host,
        env: env.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
        plaintext: bools.0,
        disable_gateway_auth: bools.1,
        memory: limits.0.map(|text| text.parse().unwrap()),
        cpus: limits.1.map(|text| text.parse().unwrap()),
        gpu: limits.2.map(|text| text.parse().unwrap()),
        registry_token: limits.3,
        ..cli::Start::default()
    })
}

proptest! {
    /// Reading back a container's settings gives what it was made of, so a bare start keeps it.
    #[test]
    fn a_container_tells_its_settings(flags in any_flags()) {
        let made = Settings::resolve(&flags, None, Remembered::default());
        let label = serde_json::to_string(&made.options).unwrap();
        let read = Settings::of_container(
            made.image.clone(),
            (made.bind, made.port),
            serde_json::from_str(&label).unwrap(),
            &made.environment(&name()),
        );
        prop_assert_eq!(&read, &made);
        prop_assert_eq!(bare(Some(read)).digest(), made.digest());
    }
}
