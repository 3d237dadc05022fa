use super::*;
use crate::fuzz::{near, near_text};
use proptest::prelude::*;
use rcgen::{CertificateParams, IsCa};
use std::sync::LazyLock;

/// A CA that signs itself, with names, and its key.
static REAL: LazyLock<(Certificate, String)> = LazyLock::new(|| {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    (Certificate::from_pem(&pem).unwrap(), key.serialize_pem())
});

#[test]
fn the_real_one_passes_what_the_others_are_judged_by() {
    let (real, key) = &*REAL;
    assert_eq!((real.check_ca(), real.check_key(key)), (Ok(()), Ok(())));
    assert_eq!(real.check_names(&["LOCALHOST".to_owned(), "127.0.0.1".to_owned()]), Ok(()));
    assert!(real.is_signed_by(real));
    assert_eq!(Certificate::from_der([real.der(), b"\0"].concat()), None);
}

proptest! {
    /// Damaged anywhere, it is judged without a panic, and what it says otherwise is never taken for signed.
    #[test]
    fn no_damaged_certificate_panics_or_verifies(der in near(&[REAL.0.der()])) {
        let (real, key) = &*REAL;
        let Some(other) = Certificate::from_der(der) else { return Ok(()) };
        let _ = (other.check_key(key), other.check_usage(Role::Server), other.check_time(OffsetDateTime::now_utc()));
        let _ = (other.check_names(&["localhost".to_owned()]), other.sha256());
        // A signature is over what is said, not over how the whole is put together.
        let said = |certificate: &Certificate| certificate.with(|c| c.tbs_certificate.as_ref().to_vec());
        let same = said(&other) == said(real);
        prop_assert!(same || (other.check_ca().is_err() && !other.is_signed_by(real)));
        prop_assert_eq!(Certificate::from_pem(&other.to_pem()), Some(other));
    }

    #[test]
    fn no_text_panics(pem in near_text(&[REAL.0.to_pem().as_str()]), key in near_text(&[REAL.1.as_str()])) {
        let read = Certificate::all_from_pem(&pem).unwrap_or_default();
        prop_assert!(read.len() <= 1 + pem.matches("-----BEGIN").count());
        let _ = REAL.0.check_key(&key);
    }
}
