//! The SSH handshake secret: made once, then kept for ever.
//!
//! Sandboxes hold a copy from when they were created, so a new value would cut every one of them off.
//!
//! | Secret | decision |
//! |---|---|
//! | absent (404) | create |
//! | 64 lowercase hexadecimal characters | keep |
//! | anything else | refuse: say so, change nothing |

use crate::failure::Failure;
use crate::hex::hex;
use crate::kube::{self, Key, KubeSecret};
use ::kube::api::Api;
use hmac::{Hmac, KeyInit, Mac};
use k8s_openapi::api::core::v1::Secret;
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use sha2::Sha256;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const KEY: Key = Key { name: cluster::SSH_SECRET, type_: "Opaque" };
/// Bytes of randomness; twice as many hexadecimal characters.
const BYTES: usize = 32;
/// What the fingerprint is an HMAC of.
const LABEL: &[u8] = b"openshell-ssh-handshake-fingerprint";

/// What to do about the Secret.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Keep,
    Create,
    Refuse(&'static str),
}

fn decide(found: Option<&KubeSecret>) -> Decision {
    let Some(found) = found else { return Decision::Create };
    let Some(value) = found.text(cluster::SSH_SECRET_KEY) else {
        return Decision::Refuse("it has no text under the key `secret`");
    };
    if value.len() != 2 * BYTES {
        return Decision::Refuse("its value is not 64 characters long");
    }
    if !value.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Decision::Refuse("its value is not lowercase hexadecimal");
    }
    Decision::Keep
}

/// Makes sure that the Secret is there and usable. Returns its fingerprint, and what was done.
pub async fn ensure(api: &Api<Secret>) -> Result<(String, &'static str), Failure> {
    let found = kube::read(api, KEY.name).await?;
    match (decide(found.as_ref()), found) {
        (Decision::Keep, Some(found)) => {
            Ok((fingerprint(found.text(cluster::SSH_SECRET_KEY).unwrap_or_default()), "kept"))
        }
        (Decision::Refuse(why), _) => Err(Failure::new(
            Reason::SshSecretUnusable,
            format!(
                "Secret {}/{} can't be used: {why}; sandboxes may hold its value, so it is left alone",
                cluster::NAMESPACE,
                KEY.name
            ),
        )),
        _ => {
            let value = generate();
            let print = fingerprint(&value);
            kube::write(api, KEY, None, BTreeMap::from([(cluster::SSH_SECRET_KEY, value)]), BTreeMap::new())
                .await?;
            Ok((print, "created"))
        }
    }
}

fn generate() -> Zeroizing<String> {
    let bytes = Zeroizing::new(rand::random::<[u8; BYTES]>());
    Zeroizing::new(hex(&*bytes))
}

/// Identifies the secret without telling anything about it.
fn fingerprint(secret: &str) -> String {
    // HMAC takes a key of any length (RFC 2104, section 2), so this is never the error case.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(LABEL);
    hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(value: &[u8]) -> KubeSecret {
        let data = BTreeMap::from([("secret".to_owned(), Zeroizing::new(value.to_vec()))]);
        KubeSecret { data, ..KubeSecret::default() }
    }

    #[test]
    fn every_row_of_the_table() {
        assert_eq!(decide(None), Decision::Create);
        assert_eq!(decide(Some(&secret("0f".repeat(32).as_bytes()))), Decision::Keep);
        for bad in ["", "0f", &"0F".repeat(32), &"0g".repeat(32), &"0f".repeat(33), &"é".repeat(32)] {
            assert!(matches!(decide(Some(&secret(bad.as_bytes()))), Decision::Refuse(_)), "{bad}");
        }
        assert!(matches!(decide(Some(&secret(&[0xff; 64]))), Decision::Refuse(_)));
        assert!(matches!(decide(Some(&KubeSecret::default())), Decision::Refuse(_)));
    }

    #[test]
    fn what_is_created_is_kept_and_differs_each_time() {
        let (a, b) = (generate(), generate());
        assert_eq!(decide(Some(&secret(a.as_bytes()))), Decision::Keep);
        assert_ne!(a, b);
        assert_ne!(fingerprint(&a), fingerprint(&b));
        assert_eq!(fingerprint(&a), fingerprint(&a));
        assert!(!fingerprint(&a).contains(a.as_str()));
    }

    #[test]
    fn a_secret_is_not_in_its_debug_text() {
        assert!(!format!("{:?}", secret(b"hunter2")).contains("hunter2"));
    }
}
