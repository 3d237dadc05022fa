//! Makes certificates.

use super::material::Pair;
use super::x509::{Certificate, Role};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// Life of the CA.
const CA_LIFE: Duration = Duration::days(3650);
/// Life of a leaf, cut at the CA's end.
pub const LEAF_LIFE: Duration = Duration::days(365);
/// A certificate begins this much earlier, for clients whose clock is behind.
const BACKDATED: Duration = Duration::hours(1);

/// A new CA.
pub fn ca(now: OffsetDateTime) -> Result<Pair, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = params(now, now + CA_LIFE);
    // Two CAs are trusted side by side for a while. Some verifiers look an issuer up by its name alone
    // when the leaf has no key identifier (RFC 5280, 4.2.1.1), as those of original gateways.
    let serial = params.serial_number.as_ref().map(SerialNumber::to_bytes).unwrap_or_default();
    let name = format!("openshell-ca {}", crate::hex::hex(&serial[..serial.len().min(4)]));
    params.distinguished_name = subject(&name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let certificate = params.self_signed(&key)?;
    Ok(pair(&certificate, &key))
}

/// A new leaf under `ca`, which lists `names`.
pub fn leaf(ca: &Pair, role: Role, names: &[String], now: OffsetDateTime) -> Result<Pair, rcgen::Error> {
    let issuer = Issuer::from_ca_cert_pem(&ca.certificate, KeyPair::from_pem(&ca.key)?)?;
    let ca_end = Certificate::from_pem(&ca.certificate)
        .and_then(|c| OffsetDateTime::from_unix_timestamp(c.validity.1).ok())
        .unwrap_or(now + LEAF_LIFE);
    let (name, usage) = match role {
        Role::Server => ("openshell-server", ExtendedKeyUsagePurpose::ServerAuth),
        Role::Client => ("openshell-client", ExtendedKeyUsagePurpose::ClientAuth),
    };
    let mut params = params(now, (now + LEAF_LIFE).min(ca_end));
    params.distinguished_name = subject(name);
    params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(pair(&certificate, &key))
}

fn subject(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "openshell");
    name.push(DnType::CommonName, common_name);
    name
}

fn params(now: OffsetDateTime, end: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = now - BACKDATED;
    params.not_after = end;
    // Positive and at most 20 octets (RFC 5280, 4.1.2.2), with 127 bits of randomness.
    let mut serial: [u8; 16] = rand::random();
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params
}

fn pair(certificate: &rcgen::Certificate, key: &KeyPair) -> Pair {
    Pair { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) }
}
