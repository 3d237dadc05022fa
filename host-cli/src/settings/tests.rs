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
    let remembered = Remembered { port: Some(9000), gateway_host: Some("box.example".to_owned()) };
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

fn any_flags() -> impl Strategy<Value = cli::Start> {
    let bind =
        proptest::option::of(prop_oneof![Just("127.0.0.1"), Just("0.0.0.0"), Just("10.0.0.2"), Just("::1")]);
    let host = proptest::option::of("[a-z]{1,8}");
    let names = ["EXTRA_SANS", "DISABLE_TLS", "SSH_GATEWAY_HOST", "IMAGE_TAG", "OPENSHELL_NODE_NAME"];
    let env = proptest::collection::vec((proptest::sample::select(names.to_vec()), "[a-z,]{0,8}"), 0..4);
    let bools = (proptest::option::of(any::<bool>()), proptest::option::of(any::<bool>()));
    (proptest::option::of(1..=u16::MAX), bind, host, env, bools).prop_map(|(port, bind, host, env, bools)| {
        cli::Start {
            port,
            bind: bind.map(|b| b.parse().unwrap()),
            gateway_host: host,
            env: env.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
            plaintext: bools.0,
            disable_gateway_auth: bools.1,
            ..cli::Start::default()
        }
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
