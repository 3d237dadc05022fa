//! Whose volume it was before it was ours.

use openshell_contract::names::path;
use std::path::Path;
use tracing::debug;
use x509_parser::parse_x509_certificate;

/// kubelet's client certificate (k3s `pkg/agent/config`, `client-kubelet.crt`).
const CERTIFICATE: &str = "agent/client-kubelet.crt";
/// What comes before a node's name in it (Kubernetes "Using Node Authorization").
const PREFIX: &str = "system:node:";

/// The name of the node that an original gateway's k3s had on this volume. Its first releases named it
/// after the container.
pub fn node() -> Option<String> {
    let file = Path::new(path::DATA).join(CERTIFICATE);
    match std::fs::read(&file) {
        Ok(text) => name_in(&text),
        Err(e) => {
            debug!("no earlier node: {}: {e}", file.display());
            None
        }
    }
}

fn name_in(certificate: &[u8]) -> Option<String> {
    let block = pem::parse(certificate).ok()?;
    let (_, certificate) = parse_x509_certificate(block.contents()).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
    name.strip_prefix(PREFIX).filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn certificate(name: &str) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn the_name_in_kubelets_certificate() {
        let name = |cn: &str| name_in(certificate(cn).as_bytes());
        assert_eq!(name("system:node:0123456789ab").as_deref(), Some("0123456789ab"));
        assert_eq!(name("system:node:"), None);
        assert_eq!(name("system:admin"), None);
        assert_eq!(name_in(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), None);
        assert_eq!(name_in(b""), None);
    }

    proptest! {
        #[test]
        fn no_certificate_panics(text in near(&[certificate("system:node:0123456789ab")])) {
            let name = name_in(&text);
            prop_assert!(name.is_none_or(|name| !name.is_empty() && name.len() <= text.len()));
        }
    }
}
