//! Who may pull an image, as `docker login` has kept it (docs.docker.com, "docker login": credential stores).

use crate::settings::registry::{DOCKER_HUB, Login};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bollard::auth::DockerCredentials;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What the file calls Docker Hub.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// Docker's `config.json`, as far as it is about logins.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: HashMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    identitytoken: Option<String>,
}

/// Where the credentials of a registry are.
enum Kept {
    Here(DockerCredentials),
    /// A program `docker-credential-NAME`, and what it knows the registry by.
    Helper(String, String),
}

/// The credentials in Docker's directory `config` for `registry`. Whatever can't be read is as nothing: most
/// images need none, and a registry that refuses says so itself.
pub(super) fn of_docker(config: Option<&Path>, registry: &str) -> Option<DockerCredentials> {
    let text = std::fs::read(config?.join("config.json")).ok()?;
    match find(&serde_json::from_slice(&text).ok()?, registry)? {
        Kept::Here(credentials) => Some(credentials),
        Kept::Helper(name, server) => ask(&format!("docker-credential-{name}"), &server),
    }
}

/// The credentials of a login that was given to this command.
pub(super) fn of_login(login: &Login, registry: &str) -> DockerCredentials {
    DockerCredentials {
        username: Some(login.username.clone()),
        password: Some(login.password.clone()),
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    }
}

fn find(config: &Config, registry: &str) -> Option<Kept> {
    let server = if registry == DOCKER_HUB { HUB_KEY } else { registry };
    let helper = config.cred_helpers.get(server).or(config.creds_store.as_ref());
    if let Some(helper) = helper.filter(|name| is_plain(name)) {
        return Some(Kept::Helper(helper.clone(), server.to_owned()));
    }
    let written = ["", "https://", "http://"].map(|scheme| format!("{scheme}{server}"));
    let auth = written.iter().find_map(|key| config.auths.get(key))?;
    let base = DockerCredentials { serveraddress: Some(server.to_owned()), ..DockerCredentials::default() };
    if let Some(token) = auth.identitytoken.clone().filter(|token| !token.is_empty()) {
        return Some(Kept::Here(DockerCredentials { identitytoken: Some(token), ..base }));
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(auth.auth.as_ref()?).ok()?).ok()?;
    let (username, password) = pair.split_once(':')?;
    let (username, password) = (Some(username.to_owned()), Some(password.to_owned()));
    Some(Kept::Here(DockerCredentials { username, password, ..base }))
}

/// Whether it names a program and no path.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Asks a credential helper, which reads the server and answers with JSON
/// (github.com/docker/docker-credential-helpers, "Development").
fn ask(helper: &str, server: &str) -> Option<DockerCredentials> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    let mut command = Command::new(helper);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    // One that doesn't read its input says so by its end.
    drop(child.stdin.take()?.write_all(server.as_bytes()));
    let output = child.wait_with_output().ok().filter(|output| output.status.success())?;
    let Answer { username, secret } = serde_json::from_slice(&output.stdout).ok()?;
    let base = DockerCredentials { serveraddress: Some(server.to_owned()), ..DockerCredentials::default() };
    Some(if username == "<token>" {
        DockerCredentials { identitytoken: Some(secret), ..base }
    } else {
        DockerCredentials { username: Some(username), password: Some(secret), ..base }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found, in a word: `USER PASSWORD TOKEN`, or the helper and what it is asked for.
    fn found(config: &str, registry: &str) -> String {
        let text = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        match find(&serde_json::from_str(config).unwrap(), registry) {
            None => "nothing".to_owned(),
            Some(Kept::Here(c)) => {
                format!("{} {} {}", text(c.username), text(c.password), text(c.identitytoken))
            }
            Some(Kept::Helper(name, server)) => format!("ask {name} for {server}"),
        }
    }

    #[test]
    fn a_login_is_found_wherever_docker_keeps_it() {
        let plain =
            r#"{"auths":{"box:5000":{"auth":"bWU6cDp3"},"https://index.docker.io/v1/":{"auth":"aHViOng="}}}"#;
        assert_eq!(found(plain, "box:5000"), "me p:w -");
        assert_eq!(found(plain, DOCKER_HUB), "hub x -");
        assert_eq!(found(plain, "elsewhere.example"), "nothing");
        let token = r#"{"auths":{"https://box":{"auth":"bWU6","identitytoken":"t"}}}"#;
        assert_eq!(found(token, "box"), "- - t");
        let helpers = r#"{"auths":{"box":{}},"credsStore":"desktop","credHelpers":{"ghcr.io":"pass"}}"#;
        assert_eq!(found(helpers, "ghcr.io"), "ask pass for ghcr.io");
        assert_eq!(found(helpers, "box"), "ask desktop for box");
        for nothing in ["{}", r#"{"auths":{"box":{"auth":"%"}}}"#, r#"{"credsStore":"../x"}"#] {
            assert_eq!(found(nothing, "box"), "nothing", "{nothing}");
        }
    }

    #[test]
    fn a_helper_is_asked() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/credential-helper");
        let credentials = ask(path, "box").unwrap();
        assert_eq!(
            (credentials.username.as_deref(), credentials.password.as_deref()),
            (Some("me"), Some("pw"))
        );
        assert!(ask(path, "other").is_none() && ask("/nowhere/helper", "box").is_none());
    }
}
