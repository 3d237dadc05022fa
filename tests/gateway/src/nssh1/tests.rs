use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_775_000_000;
const TOKEN: &str = "[A-Za-z0-9._~-]{1,64}";

fn secret(text: &str) -> HandshakeSecret {
    text.parse().unwrap()
}

fn line() -> String {
    Preface::new("sandbox-1", NOW, [7; 16]).unwrap().sign(&secret("key"))
}

fn check(line: &str, now: u64) -> Result<Preface, Refusal> {
    verify(line.as_bytes(), &secret("key"), now, MAX_SKEW_SECS)
}

#[test]
fn the_mac_is_that_of_another_implementation() {
    // printf 'sandbox-1|1775000000|0707…07' | openssl dgst -sha256 -hmac key
    let expected = "2aec1e475baba6926703955db9422ee7dacd822d3904ab8251940109feac7655";
    assert_eq!(line(), format!("NSSH1 sandbox-1 1775000000 {} {expected}\n", "07".repeat(16)));
}

#[test]
fn skew_is_accepted_up_to_the_limit_on_both_sides() {
    assert!(check(&line(), NOW + 300).is_ok());
    assert!(check(&line(), NOW - 300).is_ok());
    let refused = Err(Refusal::Skew { seconds: 301, limit: 300 });
    assert_eq!(check(&line(), NOW + 301), refused);
    assert_eq!(check(&line(), NOW - 301), refused);
}

#[test]
fn another_secret_is_refused_before_the_clock_is_looked_at() {
    let answer = verify(line().as_bytes(), &secret("other"), NOW + 10_000, MAX_SKEW_SECS);
    assert_eq!(answer, Err(Refusal::WrongMac));
}

#[test]
fn a_second_spelling_of_a_field_is_malformed() {
    let good = line();
    for bad in [
        good.replace(&NOW.to_string(), &format!("+{NOW}")),
        good.replace(&NOW.to_string(), &format!("0{NOW}")),
        good.replace("NSSH1 ", "NSSH1  "),
        good.replace('\n', "\r\n"),
        good.replace('\n', " \n"),
        good.replace("sandbox-1", "sandbox|1"),
        good.replace("sandbox-1", ""),
        good.to_uppercase(),
        good.replace("NSSH1", "NSSH2"),
        good.trim_end().to_owned(),
        format!("{good}{good}"),
        String::from("\n"),
    ] {
        assert!(matches!(check(&bad, NOW), Err(Refusal::Malformed(_))), "accepted {bad:?}");
    }
}

#[test]
fn a_token_with_a_separator_is_never_signed() {
    for token in ["", "a b", "a|b", "a\nb", &"x".repeat(257)] {
        assert!(Preface::new(token, NOW, [0; 16]).is_err());
    }
}

proptest! {
    #[test]
    fn what_is_signed_verifies(
        token in TOKEN, timestamp in any::<u64>(), nonce in any::<[u8; 16]>(), key in ".{1,80}",
    ) {
        let preface = Preface::new(&token, timestamp, nonce).unwrap();
        let line = preface.sign(&secret(&key));
        prop_assert!(line.len() <= MAX_LINE);
        prop_assert_eq!(verify(line.as_bytes(), &secret(&key), timestamp, 0), Ok(preface));
    }

    #[test]
    fn any_changed_byte_is_refused(
        token in TOKEN, nonce in any::<[u8; 16]>(), at in any::<prop::sample::Index>(), mask in 1_u8..,
    ) {
        let key = secret("0123456789abcdef");
        let mut line = Preface::new(&token, NOW, nonce).unwrap().sign(&key).into_bytes();
        let at = at.index(line.len());
        line[at] ^= mask;
        prop_assert!(verify(&line, &key, NOW, u64::MAX).is_err());
    }

    #[test]
    fn any_other_key_is_refused(token in TOKEN, nonce in any::<[u8; 16]>(), at in 0_usize..64) {
        let key = "a".repeat(64);
        let mut other = key.clone().into_bytes();
        other[at] = b'b';
        let line = Preface::new(&token, NOW, nonce).unwrap().sign(&secret(&key));
        let other = secret(str::from_utf8(&other).unwrap());
        prop_assert_eq!(verify(line.as_bytes(), &other, NOW, u64::MAX), Err(Refusal::WrongMac));
    }

    #[test]
    fn no_input_is_accepted_by_chance(line in prop::collection::vec(any::<u8>(), 0..700)) {
        prop_assert!(verify(&line, &secret("key"), NOW, u64::MAX).is_err());
    }
}
