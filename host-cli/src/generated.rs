//! What is made out of the command line's description: completions and manual pages.

use crate::cli::Cli;
use crate::error::Error;
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::Path;

/// The completions of `shell`.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "openshell", &mut script);
    script
}

/// Writes a manual page for each command into `dir`.
///
/// # Errors
/// A file can't be written.
pub fn manual(dir: &Path) -> Result<(), Error> {
    let written = std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Cli::command(), dir));
    written.map_err(|source| Error::File {
        action: "write the manual pages to",
        path: dir.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(completions(*shell)).unwrap();
            for word in ["gateway", "start", "destroy", "doctor", "log-format"] {
                assert!(script.contains(word), "{shell}: no {word}");
            }
        }
    }

    #[test]
    fn every_command_has_a_page() {
        let dir = tempfile::tempdir().unwrap();
        manual(&dir.path().join("man1")).unwrap();
        for page in
            ["openshell", "openshell-gateway-start", "openshell-gateway-certs-export", "openshell-man"]
        {
            let text = std::fs::read_to_string(dir.path().join(format!("man1/{page}.1"))).unwrap();
            assert!(text.contains(".SH SYNOPSIS"), "{page}");
        }
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = manual(file.path()).unwrap_err();
        assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
    }
}
