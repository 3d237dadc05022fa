//! A daemon behind SSH, as Docker's own command reaches it: each connection is an `ssh` of the user's, with
//! the user's own configuration, that runs `docker system dial-stdio` over there.
//!
//! The API's client is given a socket of our own; the `ssh` gets each connection to it as its standard
//! input and output, so nothing is copied here.

use std::fs::Permissions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

/// The socket; it goes with the last clone.
#[derive(Clone, Debug)]
pub(super) struct Tunnel {
    dir: Arc<tempfile::TempDir>,
}

impl Tunnel {
    /// Listens for connections that are to go to `url`.
    pub(super) fn open(url: &str) -> io::Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("openshell-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        let listener = UnixListener::bind(dir.path().join("docker.sock"))?;
        let arguments = arguments(url);
        // It ends with the process.
        thread::Builder::new().name("ssh".to_owned()).spawn(move || {
            for connection in listener.incoming() {
                // Whoever waits for the connection sees its end; `ssh` itself says why, on standard error.
                drop(connection.and_then(|connection| pass_on(&arguments, connection)));
            }
        })?;
        Ok(Self { dir: Arc::new(dir) })
    }

    /// Where it listens.
    pub(super) fn url(&self) -> String {
        format!("unix://{}/docker.sock", self.dir.path().display())
    }
}

fn pass_on(arguments: &[String], connection: UnixStream) -> io::Result<()> {
    let input: OwnedFd = connection.try_clone()?.into();
    let output: OwnedFd = connection.into();
    let mut command = Command::new("ssh");
    command.args(arguments).stdin(Stdio::from(input)).stdout(Stdio::from(output));
    let mut child = command.spawn()?;
    thread::Builder::new().name("ssh-wait".to_owned()).spawn(move || child.wait())?;
    Ok(())
}

/// The arguments of `ssh` for `ssh://[USER@]HOST[:PORT][/SOCKET]`.
fn arguments(url: &str) -> Vec<String> {
    let rest = url.strip_prefix("ssh://").unwrap_or(url);
    let (authority, socket) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let is_port = |port: &&str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let (host, port) = match host.rsplit_once(':').filter(|(_, port)| is_port(port)) {
        // More than one colon without brackets is an IPv6 address.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let host = host.trim_matches(['[', ']']);
    let mut arguments = vec!["-T", "-o", "ConnectTimeout=30"];
    arguments.extend(user.into_iter().flat_map(|user| ["-l", user]));
    arguments.extend(port.into_iter().flat_map(|port| ["-p", port]));
    arguments.extend(["--", host, "docker"]);
    let daemon = format!("unix://{socket}");
    if socket.len() > 1 {
        arguments.extend(["--host", &daemon]);
    }
    arguments.extend(["system", "dial-stdio"]);
    arguments.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::arguments;

    #[test]
    fn the_command_is_that_of_dockers_own() {
        for (url, expected) in [
            ("ssh://box", "-- box docker system dial-stdio"),
            ("ssh://me@box/", "-l me -- box docker system dial-stdio"),
            ("ssh://me@box:2222", "-l me -p 2222 -- box docker system dial-stdio"),
            ("ssh://[::1]:22", "-p 22 -- ::1 docker system dial-stdio"),
            ("ssh://[fe80::1]", "-- fe80::1 docker system dial-stdio"),
            ("ssh://-oProxyCommand=x", "-- -oProxyCommand=x docker system dial-stdio"),
            ("ssh://box/run/d.sock", "-- box docker --host unix:///run/d.sock system dial-stdio"),
        ] {
            assert_eq!(arguments(url).join(" "), format!("-T -o ConnectTimeout=30 {expected}"), "{url}");
        }
    }
}
