//! How much of the machine a gateway's container may use.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Less than this, and k3s is killed before it is up.
const LEAST_MEMORY: u64 = 1 << 30;
/// Less than this, and a start does not end within its deadlines.
const LEAST_CPUS: u32 = 500;

/// Memory in bytes; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory(u64);

/// Processors in thousandths; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpus(u32);

impl Memory {
    /// The limit in bytes, if it is one.
    #[must_use]
    pub fn bytes(self) -> Option<i64> {
        i64::try_from(self.0).ok().filter(|bytes| *bytes != 0)
    }
}

impl Cpus {
    /// The limit in Docker's unit, if it is one.
    #[must_use]
    pub fn nanos(self) -> Option<i64> {
        Some(i64::from(self.0) * 1_000_000).filter(|nanos| *nanos != 0)
    }

    /// Whether `count` processors are fewer than this.
    #[must_use]
    pub fn exceed(self, count: i64) -> bool {
        i64::from(self.0) > count.saturating_mul(1000)
    }
}

impl FromStr for Memory {
    type Err = String;

    /// As Docker's own command reads it: bytes, or with a unit of 1024 (`k`, `m`, `g`, `t`).
    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let unit = lower.trim_end_matches(['b', 'i']).trim_start_matches(|c: char| c.is_ascii_digit());
        let shift = match unit {
            "" => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            _ => return Err("it must be such as 6g or 6144m".to_owned()),
        };
        let digits = lower.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number: u64 = digits.parse().map_err(|_| "it must be such as 6g or 6144m".to_owned())?;
        let bytes = number.checked_mul(1 << shift).filter(|bytes| i64::try_from(*bytes).is_ok());
        match bytes.ok_or("it is more than there can be")? {
            bytes if bytes == 0 || bytes >= LEAST_MEMORY => Ok(Self(bytes)),
            _ => Err("a gateway needs 1g or more, better 4g; 0 is no limit".to_owned()),
        }
    }
}

impl FromStr for Cpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || "it must be such as 2 or 1.5".to_owned();
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        if !(1..=3).contains(&part.len()) || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let whole: u32 = whole.parse().map_err(|_| bad())?;
        let thousandths: u32 = format!("{part:0<3}").parse().map_err(|_| bad())?;
        let all = whole.checked_mul(1000).and_then(|w| w.checked_add(thousandths)).ok_or_else(bad)?;
        match all {
            0 | LEAST_CPUS.. => Ok(Self(all)),
            _ => Err("a gateway needs 0.5 or more, better 2; 0 is no limit".to_owned()),
        }
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_docker_reads_it() {
        for (text, bytes) in
            [("6g", 6 << 30), ("6G", 6 << 30), ("2048m", 2 << 30), ("2GiB", 2 << 30), ("1073741824", 1 << 30)]
        {
            assert_eq!(text.parse::<Memory>().unwrap().bytes(), Some(bytes), "{text}");
        }
        assert_eq!("0".parse::<Memory>().unwrap().bytes(), None);
        for bad in ["", "g", "-1g", "1.5g", "6x", "512m", "6g6", "99999999t", "18446744073709551615"] {
            assert!(bad.parse::<Memory>().is_err(), "{bad}");
        }
    }

    #[test]
    fn processors_have_three_decimals() {
        for (text, nanos) in [("2", 2_000_000_000), ("1.5", 1_500_000_000), ("0.625", 625_000_000)] {
            let cpus: Cpus = text.parse().unwrap();
            assert_eq!((cpus.nanos(), cpus.to_string()), (Some(nanos), text.to_owned()));
        }
        assert_eq!("0".parse::<Cpus>().unwrap().nanos(), None);
        assert!("2.5".parse::<Cpus>().unwrap().exceed(2) && !"2".parse::<Cpus>().unwrap().exceed(2));
        for bad in ["", ".", "2.", "2.0001", "-1", "0.4", "two", "9999999999"] {
            assert!(bad.parse::<Cpus>().is_err(), "{bad}");
        }
    }
}
