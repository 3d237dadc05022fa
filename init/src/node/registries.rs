//! `registries.yaml`: which registries k3s pulls from, and as whom.

use crate::failure::{Context, Failure};
use crate::files;
use openshell_contract::reason::Reason;
use openshell_contract::settings::{Registry, Settings};
use serde_json::{Map, Value, json};
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

const FILE: &str = "/etc/rancher/k3s/registries.yaml";

/// Writes the file, readable by root alone, or removes it when no registry is set. Returns what it says.
pub fn write(settings: &Settings) -> Result<String, Failure> {
    write_to(Path::new(FILE), &[&settings.registry, &settings.community_registry])
}

fn write_to(file: &Path, registries: &[&Registry]) -> Result<String, Failure> {
    let cant_write = || format!("can't write {}", file.display());
    let mut content = Content::default();
    let mut told = Vec::new();
    for registry in registries {
        if let Some(host) = &registry.host {
            let login = login(registry)?;
            told.push(format!("{host} {}", if login.is_some() { "with a login" } else { "without a login" }));
            content.add(host, registry, login.as_ref());
        }
    }
    if told.is_empty() {
        return match std::fs::remove_file(file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(Failure::caused(Reason::StateUnusable, format!("can't remove {}", file.display()), &e))
            }
            _ => Ok("no mirror".to_owned()),
        };
    }
    if let Some(dir) = file.parent() {
        std::fs::create_dir_all(dir).failing(Reason::StateUnusable, cant_write)?;
    }
    let text = Zeroizing::new(content.text());
    files::replace(file, text.as_bytes(), 0o600).failing(Reason::StateUnusable, cant_write)?;
    Ok(told.join(", "))
}

/// A user and a password.
struct Login<'a> {
    user: &'a str,
    password: Zeroizing<String>,
}

/// The login, if both parts of it are set.
fn login(registry: &Registry) -> Result<Option<Login<'_>>, Failure> {
    let Some(user) = registry.username.as_deref() else { return Ok(None) };
    let password = match (&registry.password_file, &registry.password) {
        (Some(file), _) => read_password(file)?,
        (None, Some(password)) => Zeroizing::new(password.clone()),
        (None, None) => return Ok(None),
    };
    Ok(Some(Login { user, password }))
}

/// The password in a file, which editors end with a line end.
fn read_password(file: &str) -> Result<Zeroizing<String>, Failure> {
    let context = || format!("can't read the registry's password from {file}, which the settings name");
    let text = std::fs::read_to_string(file).map(Zeroizing::new).failing(Reason::InvalidSetting, context)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let password = line.strip_suffix('\r').unwrap_or(line);
    if password.is_empty() {
        return Err(Failure::new(Reason::InvalidSetting, format!("{}: it is empty", context())));
    }
    Ok(Zeroizing::new(password.to_owned()))
}

/// What the file says (k3s "Private Registry Configuration").
#[derive(Default)]
struct Content {
    mirrors: Map<String, Value>,
    configs: Map<String, Value>,
}

impl Content {
    /// Adds a registry, unless the host has one.
    fn add(&mut self, host: &str, registry: &Registry, login: Option<&Login<'_>>) {
        if self.mirrors.contains_key(host) {
            return;
        }
        let scheme = if registry.insecure { "http" } else { "https" };
        let endpoint = registry.endpoint.as_deref().unwrap_or(host);
        self.mirrors.insert(host.to_owned(), json!({ "endpoint": [format!("{scheme}://{endpoint}")] }));
        let Some(login) = login else { return };
        // Looked up by the host that is asked: the endpoint, and in the end the one that images name
        // (k3s `pkg/agent/containerd/config.go`).
        for asked in [endpoint, host] {
            let auth = json!({ "auth": { "username": login.user, "password": *login.password } });
            self.configs.entry(asked).or_insert(auth);
        }
    }

    /// JSON is YAML (YAML 1.2, section 1.3), so no text in it can be mistaken for anything else.
    fn text(self) -> String {
        let mut all = json!({ "mirrors": self.mirrors });
        if !self.configs.is_empty() {
            all["configs"] = Value::Object(self.configs);
        }
        all.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near_text;
    use openshell_contract::settings::{Layer, Source};
    use proptest::prelude::*;
    use std::os::unix::fs::PermissionsExt;

    fn registry(host: &str) -> Registry {
        Registry { host: Some(host.to_owned()), ..Registry::default() }
    }

    fn with_login(host: &str, password: &str) -> Registry {
        Registry { username: Some("u".into()), password: Some(password.to_owned()), ..registry(host) }
    }

    /// What the file says after writing `registries`, read by a YAML parser.
    fn written(registries: &[&Registry]) -> Value {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k3s/registries.yaml");
        write_to(&file, registries).unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "others can read it");
        serde_saphyr::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
    }

    #[test]
    fn endpoint_and_scheme() {
        let local = Registry {
            endpoint: Some("host.docker.internal:5000".into()),
            insecure: true,
            ..registry("ghcr.io")
        };
        assert_eq!(
            written(&[&local, &registry("community.example")]),
            json!({"mirrors": {
                "ghcr.io": {"endpoint": ["http://host.docker.internal:5000"]},
                "community.example": {"endpoint": ["https://community.example"]},
            }})
        );
    }

    #[test]
    fn the_login_is_for_whoever_is_asked() {
        let mirrored = Registry { endpoint: Some("e:5000".into()), ..with_login("ghcr.io", "p") };
        let auth = json!({"auth": {"username": "u", "password": "p"}});
        assert_eq!(written(&[&mirrored])["configs"], json!({"e:5000": auth, "ghcr.io": auth}));
        let half = Registry { password: None, ..with_login("ghcr.io", "") };
        assert_eq!(written(&[&half])["configs"], Value::Null);
    }

    #[test]
    fn without_a_registry_no_file_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("registries.yaml");
        std::fs::write(&file, "of an earlier start").unwrap();
        assert_eq!(write_to(&file, &[&Registry::default()]).unwrap(), "no mirror");
        assert!(!file.exists());
        write_to(&file, &[&Registry::default()]).unwrap();
    }

    #[test]
    fn a_password_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        let from_file = Registry {
            password_file: Some(file.display().to_string()),
            ..with_login("r", "in place of which the file's is taken")
        };
        let refused = |why: &str| {
            let failure = write_to(&dir.path().join("r.yaml"), &[&from_file]).unwrap_err();
            assert_eq!(failure.reason, Reason::InvalidSetting);
            assert!(
                failure.message.contains(file.to_str().unwrap()) && failure.message.contains(why),
                "{failure}"
            );
        };
        refused("No such file");
        std::fs::write(&file, "\n").unwrap();
        refused("empty");
        for (text, password) in [("p", "p"), ("p\n", "p"), ("p\r\n", "p"), (" p \n\n", " p \n")] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(written(&[&from_file])["configs"]["r"]["auth"]["password"], password, "{text:?}");
        }
    }

    /// One that the settings allow.
    fn allowed() -> impl Strategy<Value = Registry> {
        let host = || near_text(&["ghcr.io", "host.docker.internal:5000", "[fd00::1]:5000", "true", "1.0"]);
        let user = near_text(&["robot", "$oauthtoken", "no", "- x"]);
        let password = near_text(&["hunter2", "a: b # c", "%q \\ \" '", "\u{feff}~"]);
        (host(), host(), user, password).prop_filter_map("refused", |(host, endpoint, user, password)| {
            let environment: Layer = [
                ("REGISTRY_HOST", host),
                ("REGISTRY_ENDPOINT", endpoint),
                ("REGISTRY_USERNAME", user),
                ("REGISTRY_PASSWORD", password),
            ]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
            Settings::from_layers(&[(Source::Environment, &environment)])
                .ok()
                .map(|settings| settings.registry)
        })
    }

    proptest! {
        #[test]
        fn any_password_comes_back_from_yaml(password in "[\\PC\n\r\t]{1,40}") {
            let yaml = written(&[&with_login("r", &password)]);
            prop_assert_eq!(yaml["configs"]["r"]["auth"]["password"].as_str(), Some(password.as_str()));
        }

        #[test]
        fn whatever_is_allowed_comes_back_from_yaml(registry in allowed()) {
            // Blank is not set.
            let Some(host) = registry.host.clone() else { return Ok(()) };
            let yaml = written(&[&registry]);
            let endpoint = registry.endpoint.clone().unwrap_or_else(|| host.clone());
            prop_assert_eq!(&yaml["mirrors"][&host]["endpoint"], &json!([format!("https://{endpoint}")]));
            prop_assert_eq!(yaml["mirrors"].as_object().unwrap().len(), 1);
            let login = registry.username.as_deref().zip(registry.password.as_deref());
            let auth = login.map(|(user, password)| json!({"auth": {"username": user, "password": password}}));
            prop_assert_eq!(yaml["configs"].get(&endpoint), auth.as_ref());
        }
    }
}
