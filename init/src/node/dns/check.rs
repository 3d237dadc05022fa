//! Whether names are resolved, asked where pods ask.

use super::udp::{HEADER, ask, code};
use super::{PORT, RESOLV_CONF, resolv};
use crate::board::Board;
use crate::failure::{Context, Failure};
use openshell_contract::condition::Kind;
use openshell_contract::reason::Reason;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long an answer may take: what a pod's resolver would wait for (`resolv.conf(5)`, `timeout`).
const PATIENCE: Duration = Duration::from_secs(5);
/// How often names are tried.
const PERIOD: Duration = Duration::from_secs(30);
/// What is asked for where no registry is set, as by the original.
const NAME: &str = "ghcr.io";
/// Response codes of an answer that tells: the name, or that there is none (RFC 1035, 4.1.1).
const NOERROR: u8 = 0;
const NXDOMAIN: u8 = 3;

/// Tells whether names are resolved, now and then, for ever. Nothing waits for it: a gateway whose images are
/// there serves without.
pub async fn keep(board: Board, registry: Option<String>) {
    loop {
        match check(registry.as_deref()).await {
            Ok(what) => {
                board.condition(Kind::Dns, Ok(what.unwrap_or_else(|| "not needed: an address".to_owned())));
            }
            Err(failure) => board.condition(Kind::Dns, Err(&failure)),
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// Asks for the host of `registry` by the file that pods get. `None` if that is an address.
async fn check(registry: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(name) = host(registry.unwrap_or(NAME)) else { return Ok(None) };
    let file = std::fs::read_to_string(RESOLV_CONF)
        .failing(Reason::DnsUnavailable, || format!("can't read {RESOLV_CONF}"))?;
    let server = resolv::nameservers(&file).into_iter().next();
    let server = server
        .ok_or_else(|| Failure::new(Reason::DnsUnavailable, format!("{RESOLV_CONF} names no server")))?;
    let server = SocketAddr::from((server, PORT));
    let query = query(rand::random(), name);
    let what = || format!("can't resolve {name} by {server}");
    let asked = tokio::time::timeout(PATIENCE, ask(server, &query)).await;
    let answer = asked
        .map_err(|_| Failure::new(Reason::DnsUnavailable, format!("{}: no answer", what())))?
        .failing(Reason::DnsUnavailable, what)?;
    match code(&answer) {
        Some(NOERROR | NXDOMAIN) => Ok(Some(format!("{name} by {server}"))),
        other => {
            let code = other.map_or_else(|| "none".to_owned(), |code| code.to_string());
            Err(Failure::new(Reason::DnsUnavailable, format!("{}: response code {code}", what())))
        }
    }
}

/// The name in a registry's `host[:port]`; `None` if it is an address.
fn host(registry: &str) -> Option<&str> {
    let host = match registry.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None if registry.matches(':').count() > 1 => registry,
        None => registry.split(':').next()?,
    };
    (!host.is_empty() && host.parse::<IpAddr>().is_err()).then_some(host)
}

/// A query for the address of `name` (RFC 1035, 4.1).
fn query(id: u16, name: &str) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    // Recursion is desired; one question.
    message.extend([high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        // A label is at most 63 octets long.
        let label = &label.as_bytes()[..label.len().min(63)];
        message.push(u8::try_from(label.len()).unwrap_or(63));
        message.extend(label);
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::{near, near_text};
    use proptest::prelude::*;

    #[test]
    fn a_port_is_cut_off_and_an_address_is_no_name() {
        for (registry, wanted) in [
            ("ghcr.io", Some("ghcr.io")),
            ("host:5000", Some("host")),
            ("10.0.0.1:5000", None),
            ("10.0.0.1", None),
            ("[::1]:5000", None),
            ("::1", None),
            ("", None),
        ] {
            assert_eq!(host(registry), wanted, "{registry}");
        }
    }

    #[test]
    fn the_query_is_as_the_standard_has_it() {
        assert_eq!(
            query(0x0102, "ghcr.io"),
            [&[1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x04ghcr\x02io\0\0\x01\0\x01"].concat()
        );
    }

    proptest! {
        #[test]
        fn whatever_the_registry_is_the_query_is_a_message(registry in near_text(&["ghcr.io", "[::1]:5000", "a.b:1"])) {
            if let Some(name) = host(&registry) {
                prop_assert!(registry.contains(name));
                let message = query(7, name);
                prop_assert!(message.len() <= HEADER + name.len() + 6 && message.ends_with(&[0, 0, 1, 0, 1]));
            }
        }

        #[test]
        fn no_answer_panics(message in near(&[b"\x01\x02\x81\x83\0\x01\0\0\0\0\0\0\x04ghcr\x02io\0\0\x01\0\x01"])) {
            prop_assert!(code(&message).is_none_or(|code| code < 16));
        }
    }
}
