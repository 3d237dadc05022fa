//! Takes secrets out of what is given away.

use openshell_contract::settings::KEYS;

/// What stands in the place of a secret.
const HIDDEN: &str = "<hidden>";
/// Shorter values are in too much else: hiding them would make the rest unreadable and them known.
const SHORTEST: usize = 4;

/// Knows what must not be given away.
#[derive(Default)]
pub(super) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Learns the secrets of a container's environment: every value but those of settings that are known
    /// to be none, and of what the image sets.
    pub(super) fn of_environment(environment: &[String]) -> Self {
        let values = environment.iter().filter_map(|pair| pair.split_once('='));
        let mut secrets: Vec<_> = values
            .filter(|(key, value)| !is_harmless(key) && value.len() >= SHORTEST)
            .map(|(_, value)| value.to_owned())
            .collect();
        // One that holds another goes first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// The pairs with the values of secrets hidden, whatever their length.
    pub(super) fn environment(environment: &[String]) -> Vec<String> {
        environment
            .iter()
            .map(|pair| match pair.split_once('=') {
                Some((key, value)) if !is_harmless(key) && !value.is_empty() => format!("{key}={HIDDEN}"),
                _ => pair.clone(),
            })
            .collect()
    }

    /// `text` without the secrets, private keys, and passwords in URLs.
    pub(super) fn text(&self, text: &str) -> String {
        let known = self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN));
        passwords(&blocks(&known))
    }
}

fn is_harmless(key: &str) -> bool {
    let is_plain_setting = KEYS.iter().any(|k| k.name == key && !k.secret && !key.ends_with("USERNAME"));
    is_plain_setting || ["PATH", "CRI_CONFIG_FILE", "HOSTNAME", "HOME", "TMPDIR"].contains(&key)
}

/// Hides what is between the marks of a private key, with line breaks as they are or escaped.
fn blocks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("PRIVATE KEY-----") {
        let (before, key) = rest.split_at(at + "PRIVATE KEY-----".len());
        let end = key.find("-----END").unwrap_or(key.len());
        let after =
            key[end..].find("PRIVATE KEY-----").map_or(key.len(), |m| end + m + "PRIVATE KEY-----".len());
        out.extend([before, HIDDEN, &key[end..after]]);
        rest = &key[after..];
    }
    out + rest
}

/// Hides what is between `://` and `@` of a URL.
fn passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        out.push_str(before);
        let end = url.find(|c: char| c.is_whitespace() || "\"'/?#,".contains(c)).unwrap_or(url.len());
        match url[..end].rfind('@') {
            Some(sign) => {
                out.push_str(HIDDEN);
                rest = &url[sign..];
            }
            None => rest = url,
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_known_to_be_harmless_stays() {
        let environment = ["DB_URL=postgres://u:p@h/d", "IMAGE_TAG=1.2", "TOKEN=abc", "EMPTY=", "PATH=/bin"];
        let hidden = Redactor::environment(&environment.map(str::to_owned));
        assert_eq!(hidden, ["DB_URL=<hidden>", "IMAGE_TAG=1.2", "TOKEN=<hidden>", "EMPTY=", "PATH=/bin"]);
    }

    #[test]
    fn keys_and_passwords_in_urls_go() {
        let redactor = Redactor::default();
        for (text, expected) in [
            ("http://me:pw@proxy:1/ x", "http://<hidden>@proxy:1/ x"),
            ("https://h/a@b", "https://h/a@b"),
            ("a://u@b, c://d:e@f", "a://<hidden>@b, c://<hidden>@f"),
            (
                "-----BEGIN EC PRIVATE KEY-----\\nMHc\\n-----END EC PRIVATE KEY----- x",
                "-----BEGIN EC PRIVATE KEY-----<hidden>-----END EC PRIVATE KEY----- x",
            ),
            ("-----BEGIN PRIVATE KEY-----\nMHc\ncut", "-----BEGIN PRIVATE KEY-----<hidden>"),
        ] {
            assert_eq!(redactor.text(text), expected);
        }
    }

    proptest! {
        #[test]
        fn no_secret_of_the_environment_is_left(
            secrets in prop::collection::vec("[A-Z0-9]{8,12}", 1..4),
            text in "[a-z :/@.]{0,20}",
        ) {
            let environment: Vec<_> =
                secrets.iter().enumerate().map(|(i, s)| format!("TOKEN_{i}={s}")).collect();
            let redactor = Redactor::of_environment(&environment);
            let full = secrets.iter().fold(text.clone(), |t, s| format!("{t}{s}{text}"));
            let shown = redactor.text(&full);
            for secret in &secrets {
                prop_assert!(!shown.contains(secret.as_str()), "{shown}");
            }
        }
    }
}
