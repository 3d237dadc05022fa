//! The registry that images come from, and who may pull from it.

use std::collections::BTreeMap;

/// What Docker calls the registry of images that name none.
pub const DOCKER_HUB: &str = "docker.io";

/// The registry in an image's reference (distribution/reference: the first part of the path is one if it
/// has a dot or a port, or is `localhost`).
#[must_use]
pub fn of_image(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => DOCKER_HUB,
    }
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub username: String,
    /// The password or token.
    pub password: String,
}

/// Who may pull `image`, as far as the gateway's own settings say.
#[must_use]
pub fn login(image: &str, env: &BTreeMap<String, String>) -> Option<Login> {
    let value = |key| env.get(key).filter(|v| !v.is_empty());
    // A password goes to nobody but whom it is for.
    let host = value("REGISTRY_HOST")?;
    let password = value("REGISTRY_PASSWORD")?;
    let username = value("REGISTRY_USERNAME")?;
    (host == of_image(image)).then(|| Login { username: username.clone(), password: password.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_of_images() {
        for (image, registry) in [
            ("ghcr.io/nvidia/openshell/cluster:dev", "ghcr.io"),
            ("localhost/a:1", "localhost"),
            ("box:5000/a", "box:5000"),
            ("openshell/cluster:dev", DOCKER_HUB),
            ("debian", DOCKER_HUB),
        ] {
            assert_eq!(of_image(image), registry);
        }
    }

    #[test]
    fn a_password_is_for_its_own_registry() {
        let env = |host: &str| {
            [("REGISTRY_HOST", host), ("REGISTRY_USERNAME", "me"), ("REGISTRY_PASSWORD", "pw")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into()
        };
        let found = login("ghcr.io/a/b:1", &env("ghcr.io")).unwrap();
        assert_eq!((found.username.as_str(), found.password.as_str()), ("me", "pw"));
        assert!(login("elsewhere.example/a/b:1", &env("ghcr.io")).is_none());
        assert!(login("ghcr.io/a/b:1", &BTreeMap::new()).is_none());
    }
}
