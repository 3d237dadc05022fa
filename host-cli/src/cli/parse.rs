//! Values of arguments.

/// A setting for PID 1.
pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it must be KEY=VALUE")?;
    let name_ok = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && key.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if !name_ok {
        return Err("KEY is letters, digits and '_', and does not start with a digit".to_owned());
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// A time span in seconds.
pub(super) fn span(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("the unit is s, m, h or d".to_owned()),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).ok_or("it must be such as 10m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        assert_eq!(span("90"), Ok(90));
        assert_eq!(span("10m"), Ok(600));
        assert_eq!(span("1d"), Ok(86_400));
        assert!(span("m").is_err());
        assert!(span("1w").is_err());
    }
}
