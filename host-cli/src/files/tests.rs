use super::*;
use crate::settings::Remembered;
use std::os::unix::fs::PermissionsExt;

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn setup() -> (tempfile::TempDir, ConfigDir, GatewayName) {
    let home = tempfile::tempdir().unwrap();
    let config = ConfigDir::new(None, Some(home.path().as_os_str().to_owned())).unwrap();
    (home, config, "box".parse().unwrap())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn certificates_are_stored_with_their_modes_and_nothing_else_stays() {
    let (_home, config, name) = setup();
    let certificates =
        Certificates::from_tar(&tar(&[("ca.crt", "a"), ("tls.crt", "b"), ("tls.key", "c")])).unwrap();
    assert!(config.store_certificates(&name, &certificates).unwrap());
    assert!(!config.store_certificates(&name, &certificates).unwrap());
    let dir = config.gateway(&name);
    assert_eq!((mode(&dir), mode(&dir.join("mtls"))), (0o700, 0o700));
    assert_eq!(mode(&dir.join("mtls/tls.key")), 0o600);
    let others =
        Certificates::from_tar(&tar(&[("ca.crt", "x"), ("tls.crt", "y"), ("tls.key", "z")])).unwrap();
    assert!(config.store_certificates(&name, &others).unwrap());
    assert_eq!(fs::read_to_string(dir.join("mtls/tls.crt")).unwrap(), "y");
    let left: Vec<_> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["mtls"]);
}

#[test]
fn an_incomplete_export_is_refused() {
    for files in
        [&[("ca.crt", "a"), ("tls.crt", "b")][..], &[("ca.crt", "a"), ("tls.crt", ""), ("tls.key", "c")]]
    {
        assert!(Certificates::from_tar(&tar(files)).is_err());
    }
    assert!(Certificates::from_tar(b"not a tar, but long enough to be read as something").is_err());
}

#[test]
fn what_cannot_be_written_leaves_the_old_certificates() {
    let (_home, config, name) = setup();
    let certificates =
        Certificates::from_tar(&tar(&[("ca.crt", "a"), ("tls.crt", "b"), ("tls.key", "c")])).unwrap();
    config.store_certificates(&name, &certificates).unwrap();
    // A file where the temporary directory goes: it is neither removable as a directory nor writable.
    fs::write(config.gateway(&name).join("mtls.tmp"), "").unwrap();
    let others =
        Certificates::from_tar(&tar(&[("ca.crt", "x"), ("tls.crt", "y"), ("tls.key", "z")])).unwrap();
    config.store_certificates(&name, &others).unwrap_err();
    assert_eq!(fs::read_to_string(config.gateway(&name).join("mtls/tls.crt")).unwrap(), "b");
}

#[test]
fn metadata_keeps_what_it_does_not_know() {
    let (_home, config, name) = setup();
    fs::create_dir_all(config.gateway(&name)).unwrap();
    let old = r#"{"name":"box","gateway_endpoint":"https://h.example:9000","is_remote":false,"gateway_port":9000,"edge_team_domain":"t"}"#;
    fs::write(config.gateway(&name).join("metadata.json"), old).unwrap();
    let metadata = config.metadata(&name).unwrap();
    assert_eq!(metadata.rest["edge_team_domain"], "t");
    let remembered =
        Remembered { port: Some(9000), gateway_host: Some("h.example".to_owned()), ..Remembered::default() };
    assert_eq!(metadata.remembered(), remembered);
    config.store_metadata(&name, &metadata).unwrap();
    assert_eq!(config.metadata(&name).unwrap(), metadata);
}

/// A writer that is cut off leaves its temporary file, which is no reader's, and the next one's is another.
#[test]
fn a_reader_never_sees_a_part_of_the_metadata() {
    let (_home, config, name) = setup();
    let of = |n: usize| Metadata { gateway_endpoint: "x".repeat(n * 1000), ..Metadata::default() };
    config.store_metadata(&name, &of(1)).unwrap();
    fs::write(config.gateway(&name).join("metadata.tmp0"), "{").unwrap();
    let path = config.gateway(&name).join("metadata.json");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 0..200 {
                config.store_metadata(&name, &of(n % 40)).unwrap();
            }
        });
        let mut seen = 0;
        while !writer.is_finished() || seen == 0 {
            let text = fs::read_to_string(&path).unwrap();
            let read: Result<Metadata, _> = serde_json::from_str(&text);
            assert!(read.is_ok_and(|m| m.gateway_endpoint.len() % 1000 == 0), "{text}");
            seen += 1;
        }
    });
    assert_eq!(mode(&path), 0o644);
}

#[test]
fn loopback_is_no_remembered_host() {
    for endpoint in ["https://127.0.0.1:8080", "http://[::1]:8080", "https://localhost:1", ""] {
        let metadata = Metadata { gateway_endpoint: endpoint.to_owned(), ..Metadata::default() };
        assert_eq!(metadata.remembered(), Remembered::default(), "{endpoint}");
    }
}

#[test]
fn forgetting_leaves_what_is_not_ours() {
    let (_home, config, name) = setup();
    config.store_metadata(&name, &Metadata::default()).unwrap();
    config.set_active(&name).unwrap();
    fs::write(config.gateway(&name).join("edge_token"), "t").unwrap();
    assert!(config.forget(&name).is_empty());
    assert!(config.gateway(&name).join("edge_token").exists());
    assert!(config.metadata(&name).is_none());
    assert!(!config.0.join("active_gateway").exists());
    assert!(config.forget(&name).is_empty());
}

#[test]
fn another_active_gateway_stays() {
    let (_home, config, name) = setup();
    config.set_active(&"other".parse().unwrap()).unwrap();
    assert!(config.forget(&name).is_empty());
    assert!(config.0.join("active_gateway").exists());
}

#[test]
fn another_ca_is_noticed() {
    let (_home, config, name) = setup();
    let ca = |content: &str| pem::encode(&pem::Pem::new("CERTIFICATE", content));
    let store = |trust: &str| {
        let files = tar(&[("ca.crt", trust), ("tls.crt", "b"), ("tls.key", "c")]);
        config.store_certificates(&name, &Certificates::from_tar(&files).unwrap()).unwrap()
    };
    let wanted = crate::digest::sha256(b"new");
    assert_eq!(config.held(&name, &wanted), Held::Missing);
    store(&ca("old"));
    assert_eq!(config.held(&name, &wanted), Held::OtherCa);
    store(&(ca("old") + &ca("new")));
    assert_eq!(config.held(&name, &wanted), Held::Current);
    store("no certificate");
    assert_eq!(config.held(&name, &wanted), Held::OtherCa);
    fs::remove_file(config.certificates(&name).join("tls.key")).unwrap();
    assert_eq!(config.held(&name, &wanted), Held::Missing);
}

#[test]
fn certificates_go_elsewhere_when_asked() {
    let (home, _, _) = setup();
    let dir = home.path().join("elsewhere");
    let files = tar(&[("ca.crt", "a"), ("tls.crt", "b"), ("tls.key", "c")]);
    let certificates = Certificates::from_tar(&files).unwrap();
    for _ in 0..2 {
        certificates.write(&dir).unwrap();
        assert_eq!((mode(&dir), mode(&dir.join("tls.key"))), (0o700, 0o600));
    }
}
