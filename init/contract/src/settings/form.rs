//! The allowed forms of settings. Pure.

/// A DNS label (RFC 1123).
pub(super) fn dns_label(s: &str) -> bool {
    (1..=63).contains(&s.len())
        && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !s.starts_with('-')
        && !s.ends_with('-')
}

fn dns_name(s: &str) -> bool {
    s.len() <= 253 && s.split('.').all(|label| dns_label(&label.to_ascii_lowercase()))
}

/// A DNS name (RFC 1123, with an optional wildcard label in front) or an IP address.
pub(super) fn host(s: &str) -> bool {
    address(s) || dns_name(s.strip_prefix("*.").unwrap_or(s))
}

pub(super) fn address(s: &str) -> bool {
    s.parse::<std::net::IpAddr>().is_ok()
}

/// A registry's host as images name it, with an optional port. An IPv6 address stands in brackets
/// (RFC 3986, 3.2.2).
pub(super) fn registry(s: &str) -> bool {
    let rest = if let Some(bracketed) = s.strip_prefix('[') {
        let is_v6 = |ip: &str| ip.parse::<std::net::Ipv6Addr>().is_ok();
        bracketed.split_once(']').filter(|(ip, _)| is_v6(ip)).map(|(_, rest)| rest)
    } else {
        let (name, rest) = s.split_at(s.find(':').unwrap_or(s.len()));
        dns_name(name).then_some(rest)
    };
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(port))
}

/// Items separated by commas, each of the form `item`.
pub(super) fn list(s: &str, item: impl Fn(&str) -> bool) -> bool {
    s.split(',').all(|i| item(i.trim()))
}

pub(super) fn boolean(s: &str) -> bool {
    truth(s).is_some()
}

/// The original reads booleans like this.
pub(super) fn truth(s: &str) -> Option<bool> {
    match s.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

pub(super) fn port(s: &str) -> bool {
    // Not `+80`, which parses.
    s.bytes().all(|b| b.is_ascii_digit()) && s.parse::<u16>().is_ok_and(|p| p != 0)
}

pub(super) fn pull_policy(s: &str) -> bool {
    ["Always", "IfNotPresent", "Never"].contains(&s)
}

pub(super) fn db_url(s: &str) -> bool {
    ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| s.starts_with(scheme))
}

pub(super) fn log_format(s: &str) -> bool {
    ["human", "json"].contains(&s)
}

pub(super) fn stop_timeout(s: &str) -> bool {
    s.parse::<u64>().is_ok_and(|seconds| (2..=3600).contains(&seconds))
}

pub(super) fn line(s: &str) -> bool {
    !s.chars().any(char::is_control)
}

/// A user name of HTTP's basic authentication (RFC 7617, 2).
pub(super) fn user(s: &str) -> bool {
    line(s) && !s.contains(':')
}

/// k3s passes passwords on to containerd's configuration in Go's notation, in which TOML reads no other
/// control characters than these (k3s `pkg/agent/templates`; TOML 1.0, "String").
pub(super) fn password(s: &str) -> bool {
    s.chars().all(|c| !c.is_control() || "\n\r\t".contains(c))
}

pub(super) fn absolute_path(s: &str) -> bool {
    s.starts_with('/') && line(s)
}

/// A URL of HTTP or HTTPS with a host, and no blanks.
pub(super) fn url(s: &str) -> bool {
    let rest = s.strip_prefix("https://").or_else(|| s.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && !s.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_hosts_with_an_optional_port() {
        for good in [
            "ghcr.io",
            "host.docker.internal:5000",
            "localhost:1",
            "10.0.0.1:5000",
            "[fd00::1]:5000",
            "[::1]",
        ] {
            assert!(registry(good), "{good}");
        }
        for bad in [
            "",
            ":5000",
            "https://ghcr.io",
            "ghcr.io/",
            "ghcr.io/v2",
            "a b",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a:1:2",
            "fd00::1",
            "[fd00::1",
            "[ghcr.io]",
            "[::1]5000",
            "-a",
            "a_b",
            "*.ghcr.io",
            "user@ghcr.io",
            "a\n",
        ] {
            assert!(!registry(bad), "{bad:?}");
        }
    }

    #[test]
    fn passwords_are_whatever_toml_can_hold() {
        for good in ["'\":#\\", "a\nb", "ünï ☃", " ", "%00", "{{x}}"] {
            assert!(password(good), "{good:?}");
        }
        for bad in ["\0", "\u{7}", "\u{b}", "\u{7f}", "\u{1b}[0m"] {
            assert!(!password(bad), "{bad:?}");
        }
        assert!(user("robot$x") && !user("a:b") && !user("a\nb"));
    }

    #[test]
    fn urls_and_paths() {
        assert!(url("https://idp.example/realms/a&b?c=|d") && url("http://[fd00::5]:8080"));
        for bad in ["idp.example", "https://", "https:///x", "ftp://x", "https://a b"] {
            assert!(!url(bad), "{bad}");
        }
        assert!(absolute_path("/run/secrets/x") && !absolute_path("run/x") && !absolute_path("/a\n"));
    }
}
