//! `registries.yaml`: which registry k3s pulls from, and as whom.

use crate::failure::{Context, Failure};
use crate::files;
use openshell_contract::reason::Reason;
use openshell_contract::settings::Registry;
use serde_json::{Value, json};
use std::path::Path;

const FILE: &str = "/etc/rancher/k3s/registries.yaml";

/// Writes the file, readable by root alone, or removes it when no registry is set.
pub fn write(registry: &Registry) -> Result<&'static str, Failure> {
    let file = Path::new(FILE);
    let cant_write = || format!("can't write {FILE}");
    let Some(content) = content(registry) else {
        return match std::fs::remove_file(file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::caused(Reason::StateUnusable, format!("can't remove {FILE}"), &e))
            }
            _ => Ok("no mirror"),
        };
    };
    std::fs::create_dir_all("/etc/rancher/k3s").failing(Reason::StateUnusable, cant_write)?;
    files::replace(file, content.to_string().as_bytes(), 0o600).failing(Reason::StateUnusable, cant_write)?;
    Ok("mirror set")
}

/// The file's content (k3s "Private Registry Configuration"). JSON is YAML (YAML 1.2, section 1.3), so
/// no text in it can be mistaken for anything else.
fn content(registry: &Registry) -> Option<Value> {
    let host = registry.host.as_ref()?;
    let scheme = if registry.insecure { "http" } else { "https" };
    let endpoint = registry.endpoint.as_ref().unwrap_or(host);
    let mut content = json!({ "mirrors": { host: { "endpoint": [format!("{scheme}://{endpoint}")] } } });
    if let (Some(username), Some(password)) = (&registry.username, &registry.password) {
        content["configs"] = json!({ host: { "auth": { "username": username, "password": password } } });
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn endpoint_and_scheme() {
        let registry = Registry {
            host: Some("ghcr.io".into()),
            endpoint: Some("host.docker.internal:5000".into()),
            insecure: true,
            ..Registry::default()
        };
        assert_eq!(
            content(&registry).unwrap(),
            json!({"mirrors": {"ghcr.io": {"endpoint": ["http://host.docker.internal:5000"]}}})
        );
        assert!(content(&Registry::default()).is_none());
    }

    proptest! {
        #[test]
        fn any_password_comes_back_from_yaml(password in "\\PC{1,40}") {
            let registry = Registry {
                host: Some("r".into()), username: Some("u".into()), password: Some(password.clone()),
                ..Registry::default()
            };
            let text = content(&registry).unwrap().to_string();
            let yaml: Value = serde_saphyr::from_str(&text).unwrap();
            prop_assert_eq!(yaml["configs"]["r"]["auth"]["password"].as_str(), Some(password.as_str()));
        }
    }
}
