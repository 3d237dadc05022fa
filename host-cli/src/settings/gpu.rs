//! Which GPUs a gateway's container is given.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// All of NVIDIA's, as `nvidia-ctk cdi generate` names them.
pub const ALL: &str = "nvidia.com/gpu=all";

/// Which GPUs a gateway's container is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Gpu {
    /// None.
    Off,
    /// All, in whichever way Docker has for it.
    Auto,
    /// All, by NVIDIA's runtime from before CDI.
    Legacy,
    /// These, by their names in the Container Device Interface.
    Devices(Vec<String>),
}

impl FromStr for Gpu {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "auto" | "true" => Self::Auto,
            "off" | "false" => Self::Off,
            "legacy" => Self::Legacy,
            "cdi" => Self::Devices(vec![ALL.to_owned()]),
            names => {
                let names: Vec<_> = names.split(',').map(str::to_owned).collect();
                if let Some(bad) = names.iter().find(|name| !is_cdi_name(name)) {
                    return Err(format!(
                        "{bad:?} is neither auto, cdi, legacy, off nor a CDI device such as nvidia.com/gpu=0"
                    ));
                }
                Self::Devices(names)
            }
        })
    }
}

/// `VENDOR/CLASS=NAME` (CNCF Container Device Interface specification, "Kind" and "Devices").
fn is_cdi_name(name: &str) -> bool {
    let word = |text: &str, more: &[u8]| {
        let bytes = text.as_bytes();
        bytes.first().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || more.contains(b))
    };
    let Some((kind, device)) = name.split_once('=') else { return false };
    let Some((vendor, class)) = kind.split_once('/') else { return false };
    word(vendor, b"-_.") && word(class, b"-_") && word(device, b"-_.:")
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Auto => f.write_str("auto"),
            Self::Legacy => f.write_str("legacy"),
            Self::Devices(names) => f.write_str(&names.join(",")),
        }
    }
}

impl TryFrom<String> for Gpu {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Gpu> for String {
    fn from(gpu: Gpu) -> Self {
        gpu.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_names() {
        let devices = |names: &[&str]| Gpu::Devices(names.iter().map(|n| (*n).to_owned()).collect());
        for (text, gpu) in [
            ("auto", Gpu::Auto),
            ("off", Gpu::Off),
            ("legacy", Gpu::Legacy),
            ("nvidia.com/gpu=all", devices(&[ALL])),
            ("nvidia.com/gpu=0,nvidia.com/gpu=1:0", devices(&["nvidia.com/gpu=0", "nvidia.com/gpu=1:0"])),
        ] {
            assert_eq!(text.parse(), Ok(gpu.clone()));
            assert_eq!(gpu.to_string().parse(), Ok(gpu));
        }
        assert_eq!("cdi".parse(), Ok(devices(&[ALL])));
        for bad in ["", "all", "0", "nvidia.com/gpu", "nvidia.com=0", "a/b=", "/gpu=0", "a/b=0,", "a/b= 0"] {
            assert!(bad.parse::<Gpu>().is_err(), "{bad}");
        }
    }
}
