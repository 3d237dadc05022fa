//! Programs in `PATH`, and links to those of one packet filter under their common names.

use super::choice::Backend;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The common names. One program does the work of all, by the name that it is called by.
const NAMES: [&str; 6] =
    ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"];

/// The program of that name in `PATH`.
pub fn find(program: &str) -> Option<PathBuf> {
    find_in(&std::env::var("PATH").unwrap_or_default(), program)
}

fn find_in(path: &str, program: &str) -> Option<PathBuf> {
    let runs =
        |file: &PathBuf| fs::metadata(file).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    path.split(':').filter(|dir| !dir.is_empty()).map(|dir| Path::new(dir).join(program)).find(runs)
}

/// Makes `directory` hold the common names for `backend`. What the image lacks, such as those for IPv6, is
/// left out.
pub fn link(directory: &Path, backend: Backend) -> io::Result<()> {
    link_from(&std::env::var("PATH").unwrap_or_default(), directory, backend)
}

fn link_from(path: &str, directory: &Path, backend: Backend) -> io::Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory)?;
    for name in NAMES {
        if let Some(program) = find_in(path, &backend.program(name)) {
            symlink(program.canonicalize()?, directory.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_names_lead_to_the_chosen_ones_without_those_that_the_image_lacks() {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for multi in ["xtables-nft-multi", "xtables-legacy-multi"] {
            fs::write(bin.join(multi), "").unwrap();
            fs::set_permissions(bin.join(multi), fs::Permissions::from_mode(0o755)).unwrap();
        }
        for name in ["iptables-nft", "iptables-nft-save", "iptables-nft-restore"] {
            symlink("xtables-nft-multi", bin.join(name)).unwrap();
        }
        for name in ["iptables-legacy", "ip6tables-legacy"] {
            symlink("xtables-legacy-multi", bin.join(name)).unwrap();
        }
        let path = format!("/none:{}", bin.display());
        let links = dir.path().join("links");
        let linked = |backend| {
            link_from(&path, &links, backend).unwrap();
            let mut names: Vec<_> = fs::read_dir(&links)
                .unwrap()
                .map(|entry| {
                    let entry = entry.unwrap();
                    let to = fs::read_link(entry.path()).unwrap();
                    format!("{} {}", entry.file_name().display(), to.file_name().unwrap().display())
                })
                .collect();
            names.sort();
            names
        };
        let nft = ["iptables", "iptables-restore", "iptables-save"].map(|n| format!("{n} xtables-nft-multi"));
        assert_eq!(linked(Backend::Nft), nft);
        assert_eq!(
            linked(Backend::Legacy),
            ["ip6tables xtables-legacy-multi", "iptables xtables-legacy-multi"]
        );
        assert_eq!(find_in(&path, "iptables-legacy-save"), None);
    }
}
