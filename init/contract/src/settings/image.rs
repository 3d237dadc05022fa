//! Image names (`github.com/distribution/reference`, `reference.go`). Pure.

use super::form;

/// Longest name without tag and digest.
const LONGEST_NAME: usize = 255;

/// An image with its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Registry and path.
    pub repository: String,
    /// Tag.
    pub tag: String,
}

impl Image {
    /// Reads `REPOSITORY:TAG`.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        // The colon of a port has a slash behind it.
        let (name, label) = s.rsplit_once(':')?;
        (repository(name) && tag(label)).then(|| Self { repository: name.to_owned(), tag: label.to_owned() })
    }

    /// The last part of its path.
    #[must_use]
    pub fn last(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }
}

/// `[REGISTRY/]PATH`.
pub(super) fn repository(s: &str) -> bool {
    let path = match s.split_once('/') {
        Some((first, rest)) if form::registry(first) => rest,
        _ => s,
    };
    s.len() <= LONGEST_NAME && path.split('/').all(component)
}

/// `[REGISTRY/]PATH[:TAG][@DIGEST]`.
pub(super) fn reference(s: &str) -> bool {
    let (named, sum) = s.split_once('@').map_or((s, None), |(named, sum)| (named, Some(sum)));
    sum.is_none_or(digest) && (repository(named) || Image::parse(named).is_some())
}

pub(super) fn tag(s: &str) -> bool {
    (1..=128).contains(&s.len())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        && !s.starts_with(['.', '-'])
}

/// Lower-case letters and digits, with separators between them: one dot, one or two underscores, or dashes.
fn component(s: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let separated =
        |separator: &str| ["", ".", "_", "__"].contains(&separator) || separator.bytes().all(|b| b == b'-');
    s.bytes().next().is_some_and(is_inner)
        && s.bytes().next_back().is_some_and(is_inner)
        && s.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).all(separated)
}

fn digest(s: &str) -> bool {
    s.split_once(':').is_some_and(|(algorithm, hex)| {
        component(algorithm) && hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082";

    #[test]
    fn references_with_and_without_each_part() {
        for good in [
            "busybox",
            "busybox:1",
            "ghcr.io/nvidia/openshell-community/sandboxes/base:latest",
            "host.docker.internal:5000/a__b/c-d.e:V1_x",
            "localhost:5000/x",
            "[fd00::1]:5000/x:1",
            "a/b",
        ] {
            assert!(reference(good), "{good}");
            assert!(reference(&format!("{good}@{DIGEST}")), "{good} with a digest");
        }
        for bad in [
            "",
            " ",
            "a b",
            "Upper",
            "a//b",
            "a/",
            "/a",
            "a:",
            "a:-1",
            "a@",
            "a@sha256:12",
            "a___b",
            "a..b",
            "-a",
            "a-",
            "https://ghcr.io/x",
            "a:b:c",
            "$(x)",
            "a\nb",
            "{{x}}",
        ] {
            assert!(!reference(bad), "{bad:?}");
        }
        assert!(!repository("a:1") && !repository(&format!("a@{DIGEST}")) && !repository(&"a".repeat(256)));
    }

    #[test]
    fn an_image_with_a_port_is_cut_at_its_tag() {
        let image = Image::parse("127.0.0.1:5000/team/gateway:1.2").unwrap();
        assert_eq!((image.repository.as_str(), image.tag.as_str()), ("127.0.0.1:5000/team/gateway", "1.2"));
        assert_eq!(image.last(), "gateway");
        assert_eq!(Image::parse("127.0.0.1:5000/team/gateway"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics_and_none_with_a_blank_is_one(s in "\\PC{0,60}") {
            prop_assert!(!(reference(&s) && s.contains(char::is_whitespace)));
        }
    }
}
