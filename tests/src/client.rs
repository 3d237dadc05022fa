//! A client with files of its own, which it goes on using whatever becomes of the gateway's; judged by three
//! TLS implementations that had no part in making them.

use crate::{Gateway, Output, run};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A client.
pub struct Client {
    dir: tempfile::TempDir,
}

impl Client {
    /// A client that gets what the gateway hands out now.
    ///
    /// # Panics
    /// It gets nothing.
    #[must_use]
    #[track_caller]
    pub fn new(gateway: &Gateway) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let files = dir.path().display();
        let export =
            format!("docker exec {} openshell-init export-client | tar -x -C {files}", gateway.object());
        let _ = run(Command::new("sh").args(["-c", &export]), "").ok();
        Self { dir }
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// One of its files.
    ///
    /// # Panics
    /// It has no such file.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).expect("one of the three files")
    }

    /// How many CAs it trusts.
    #[must_use]
    pub fn cas(&self) -> usize {
        self.file("ca.crt").matches("BEGIN CERTIFICATE").count()
    }

    /// Takes the CA certificates of `other`, and keeps its own certificate.
    ///
    /// # Panics
    /// It can't.
    pub fn trust_as(&self, other: &Self) {
        fs::copy(other.dir().join("ca.crt"), self.dir().join("ca.crt")).expect("a copy");
    }

    /// Connects by rustls with gRPC, by OpenSSL and by Go.
    ///
    /// # Panics
    /// One of them is refused, or refuses.
    #[track_caller]
    pub fn connects(&self, gateway: &Gateway) {
        assert_eq!(gateway.grpc_health_with(self.dir(), true).ok().trim(), "SERVING");
        let _ = self.openssl(gateway).ok();
        let _ = self.go(gateway).ok();
    }

    /// A handshake by `openssl s_client`.
    #[must_use]
    pub fn openssl(&self, gateway: &Gateway) -> Output {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-brief", "-connect", &format!("127.0.0.1:{}", gateway.port)]);
        command.args(["-CAfile", "ca.crt", "-cert", "tls.crt", "-key", "tls.key", "-alpn", "h2"]);
        command.args(["-servername", "localhost", "-verify_hostname", "localhost", "-verify_return_error"]);
        run(command.current_dir(self.dir()), "")
    }

    /// A handshake by Go's `crypto/tls`, and the server's first word after it.
    #[must_use]
    pub fn go(&self, gateway: &Gateway) -> Output {
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("tls");
        let mut command = Command::new("go");
        command.args(["run", ".", &format!("127.0.0.1:{}", gateway.port), "localhost"]).arg(self.dir());
        run(command.current_dir(module), "")
    }

    /// Verifies its own certificate and the gateway's by `openssl verify -x509_strict`.
    ///
    /// # Panics
    /// One of them does not verify.
    #[track_caller]
    pub fn verifies_strictly(&self, gateway: &Gateway) {
        self.verifies_server(gateway, &["-verify_hostname", "openshell.openshell.svc"]);
        self.verifies_server(gateway, &["-verify_ip", "127.0.0.1"]);
        let _ = self.openssl_verify(&["-purpose", "sslclient", "tls.crt"]).ok();
    }

    /// Verifies the gateway's certificate, which must list this name or address, by `openssl verify
    /// -x509_strict`.
    ///
    /// # Panics
    /// It does not verify.
    #[track_caller]
    pub fn verifies_server(&self, gateway: &Gateway, name: &[&str; 2]) {
        fs::write(self.dir().join("server.crt"), secret_text(gateway, "openshell-server-tls", "tls.crt"))
            .expect("a file");
        let _ = self.openssl_verify(&["-purpose", "sslserver", name[0], name[1], "server.crt"]).ok();
    }

    fn openssl_verify(&self, more: &[&str]) -> Output {
        let mut command = Command::new("openssl");
        command.args(["verify", "-x509_strict", "-CAfile", "ca.crt"]).args(more);
        run(command.current_dir(self.dir()), "")
    }
}

/// The text under `key` of a Secret.
///
/// # Panics
/// There is none.
#[must_use]
#[track_caller]
pub fn secret_text(gateway: &Gateway, name: &str, key: &str) -> String {
    let template = format!("go-template={{{{index .data {key:?} | base64decode}}}}");
    gateway.kubectl(&["get", "secret", name, "-o", &template], "").ok()
}
