//! Exit codes of `openshell`. Their meaning never changes; `--help` and `README.md` list them.

use std::fmt::Write;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $meaning:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: u8 = $code;)+
        /// Every code with its meaning, in ascending order.
        pub const TABLE: &[(u8, &str)] = &[$(($code, $meaning)),+];
    };
}

codes! {
    /// Done; for `status`: ready.
    OK = 0, "done (status: ready)";
    /// `status`: the gateway failed and waits for somebody. `doctor`: a check failed.
    FAILED = 1, "status: the gateway failed; doctor: a check failed";
    /// Wrong arguments, or a confirmation that can't be asked for.
    USAGE = 2, "wrong arguments, or a confirmation was needed";
    /// Something that should not happen: an answer of Docker or a file that can't be handled.
    INTERNAL = 10, "internal error, or Docker refused a request";
    /// A container, volume, network or port of that name belongs to somebody else.
    CONFLICT = 11, "conflict: container, volume, network or port belongs to somebody else";
    /// Not ready in time; for `status`: still starting.
    TIMEOUT = 12, "timeout (status: still starting)";
    /// No such gateway, or it does not run.
    NOT_RUNNING = 13, "no such gateway, or it is stopped";
    /// The image is neither here nor can it be pulled.
    IMAGE_MISSING = 14, "image missing";
    /// Docker does not answer.
    DOCKER_UNAVAILABLE = 19, "Docker unavailable";
    /// The machine lacks a GPU, processors or the architecture that was asked for.
    UNSUITABLE = 21, "the machine lacks what was asked for: GPU, processors, the image's architecture";
    /// The gateway failed or its container crashes while starting.
    START_FAILED = 22, "the gateway failed, or its container crashes";
    /// `status`: it serves, but something is wrong.
    DEGRADED = 23, "status: degraded";
    /// Interrupted from the keyboard.
    INTERRUPTED = 130, "interrupted";
}

/// The table for `--help`.
#[must_use]
pub fn help() -> String {
    TABLE.iter().fold("Exit codes:".to_owned(), |mut text, (code, meaning)| {
        // Writing to a String can't fail.
        let _ = write!(text, "\n  {code:>3}  {meaning}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn the_readme_lists_every_code_and_no_other() {
        let readme = include_str!("../../README.md");
        let (_, listed) = readme.split_once("| code | meaning |\n|---|---|\n").unwrap();
        let rows: Vec<_> = TABLE.iter().map(|(code, meaning)| format!("| {code} | {meaning} |\n")).collect();
        let wanted = rows.concat();
        assert!(listed.starts_with(&format!("{wanted}\n")), "{wanted}");
    }
}
