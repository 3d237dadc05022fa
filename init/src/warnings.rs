//! What should be known without being wrong, for as long as it holds. Pure: the clock is an argument.

use std::time::{Duration, Instant};

/// How long an event is told of: somebody who looks once a day sees it.
const EVENT: Duration = Duration::from_hours(24);

/// What a warning is about. What was said of it before doesn't hold any more when it is said anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// How the runs before this one ended.
    Crashes,
    /// The environment.
    Settings,
    /// Control groups.
    Cgroup,
    /// What the kernel gives the container, which stays for the run.
    Kernel,
    /// The machine's limits, space and clock, which others may mend.
    Machine,
    /// The packet filter.
    Iptables,
    /// The way out of pod and service addresses.
    Seal,
    /// The container's resolvers.
    Resolvers,
    /// The socket.
    Socket,
    /// The watch over the uplink.
    Uplink,
    /// Files of the volume had to be restored.
    FilesRestored,
    /// The SSH secret had to be restored.
    SshRestored,
    /// Sandboxes with another SSH secret.
    Strangers,
    /// The certificates as they are.
    Certificates,
    /// Certificates had to be restored.
    CertificatesRestored,
    /// A revision of the chart was taken back.
    TakenBack,
    /// Objects that the image brings no more.
    Kept,
    /// Volumes without a node.
    Orphans,
}

impl About {
    /// Whether it is something that happened, rather than something that holds.
    const fn is_event(self) -> bool {
        matches!(
            self,
            Self::Crashes
                | Self::FilesRestored
                | Self::SshRestored
                | Self::CertificatesRestored
                | Self::TakenBack
        )
    }
}

/// The warnings, oldest first.
#[derive(Debug, Default)]
pub struct Warnings {
    all: Vec<Warning>,
}

#[derive(Debug)]
struct Warning {
    about: About,
    text: String,
    until: Option<Instant>,
}

impl Warnings {
    /// Puts `texts` in the place of all that was said `about` it; none: it is mended. Returns what is new.
    pub fn tell(&mut self, about: About, texts: &[String], now: Instant) -> Vec<String> {
        self.all.retain(|old| old.about != about || texts.contains(&old.text));
        let is_told = |all: &[Warning], text: &String| all.iter().any(|old| old.text == *text);
        let new: Vec<String> = texts.iter().filter(|text| !is_told(&self.all, text)).cloned().collect();
        let until = about.is_event().then(|| now + EVENT);
        self.all.extend(new.iter().map(|text| Warning { about, text: text.clone(), until }));
        new
    }

    /// Forgets the events of long ago.
    pub fn forget(&mut self, now: Instant) {
        self.all.retain(|old| old.until.is_none_or(|until| now < until));
    }

    /// All texts.
    pub fn texts(&self) -> Vec<String> {
        self.all.iter().map(|warning| warning.text.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_goes_when_what_it_is_about_is_mended() {
        let (mut warnings, now) = (Warnings::default(), Instant::now());
        let mut tell = |about, texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            let new = warnings.tell(about, &texts, now);
            (new.join(","), warnings.texts().join(","))
        };
        let told = |new: &str, all: &str| (new.to_owned(), all.to_owned());
        assert_eq!(tell(About::Machine, &["disk", "clock"]), told("disk,clock", "disk,clock"));
        assert_eq!(tell(About::Strangers, &["a"]), told("a", "disk,clock,a"));
        assert_eq!(tell(About::Machine, &["clock"]), told("", "clock,a"));
        assert_eq!(tell(About::Strangers, &["b"]), told("b", "clock,b"));
        assert_eq!(tell(About::Strangers, &[]), told("", "clock"));
        assert_eq!(tell(About::Machine, &[]), told("", ""));
    }

    #[test]
    fn an_event_is_told_for_a_day() {
        let (mut warnings, now) = (Warnings::default(), Instant::now());
        warnings.tell(About::SshRestored, &["restored".to_owned()], now);
        warnings.tell(About::Kernel, &["kernel".to_owned()], now);
        warnings.forget(now + EVENT / 2);
        assert_eq!(warnings.texts(), ["restored", "kernel"]);
        warnings.forget(now + EVENT);
        assert_eq!(warnings.texts(), ["kernel"]);
    }
}
