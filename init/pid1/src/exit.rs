use nix::sys::signal::Signal;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How a process ended. Death by a signal is kept apart from an exit code of 128 and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(u8),
    /// The signal of this number ended it: a number, because real-time signals have no names.
    Signal(i32),
}

impl Exit {
    /// Whether the process returned 0.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }

    /// As a shell tells it in one number: the code, or 128 + n after signal n.
    #[must_use]
    pub fn shell_code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            // The highest signal is 64.
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(u8::MAX),
        }
    }

    /// The end that a wait status tells of, if it tells of one.
    pub(crate) fn of(status: ExitStatus) -> Option<Self> {
        // An exit code is one byte (`wait(2)`, WEXITSTATUS).
        let code = status.code().and_then(|code| u8::try_from(code).ok()).map(Self::Code);
        code.or_else(|| status.signal().map(Self::Signal))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "signal {}", signal.as_str()),
                Err(_) => write!(f, "signal {number}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the layout that `wait(2)` has on Linux, written out: the low seven bits are the signal,
        /// 0x7f there means stopped, and 0xffff continued.
        #[test]
        fn every_raw_wait_status_is_one_thing(raw in any::<i32>()) {
            let expected = match raw & 0x7f {
                0 => Some(Exit::Code(raw.to_le_bytes()[1])),
                0x7f => None,
                signal => Some(Exit::Signal(signal)),
            };
            prop_assert_eq!(Exit::of(ExitStatus::from_raw(raw)), expected);
        }
    }

    #[test]
    fn a_death_by_signal_is_no_code_though_a_shell_says_so() {
        let (code, signal) = (Exit::of(ExitStatus::from_raw(137 << 8)), Exit::of(ExitStatus::from_raw(9)));
        assert_eq!((code, signal), (Some(Exit::Code(137)), Some(Exit::Signal(9))));
        assert_eq!(code.map(Exit::shell_code), signal.map(Exit::shell_code));
    }

    #[test]
    fn every_code_and_signal_has_its_number_and_its_words() {
        for code in 0..=255 {
            assert_eq!(Exit::Code(code).shell_code(), code);
        }
        for number in 1..=64_u8 {
            assert_eq!(Exit::Signal(number.into()).shell_code(), 128 + number);
        }
        assert_eq!(Exit::Signal(15).to_string(), "signal SIGTERM");
        assert_eq!(Exit::Signal(37).to_string(), "signal 37");
    }
}
