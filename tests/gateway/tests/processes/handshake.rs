//! `openshell-server handshake` against the real `openshell-sandbox` process.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::support::{Process, SANDBOX, SECRET, SERVER, run, stderr, stdout};

const VARIABLE: &str = "OPENSHELL_SSH_HANDSHAKE_SECRET";

fn sandbox() -> (Process, String) {
    let environment = [(VARIABLE, SECRET), ("OPENSHELL_SSH_LISTEN_ADDR", "127.0.0.1:0")];
    let process = Process::start(SANDBOX, &[], &environment);
    let address = process.listening("handshake").to_string();
    (process, address)
}

fn say(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    // The sandbox may hang up before it has read all of a line that is too long.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn the_same_secret_opens_and_another_does_not() {
    let (_process, address) = sandbox();
    for _ in 0..3 {
        let output = run(SERVER, &["handshake", &address], &[(VARIABLE, SECRET)]);
        assert_eq!((stdout(&output), output.status.code()), ("OK\n", Some(0)), "{}", stderr(&output));
    }
    let other = SECRET.replace('5', "6");
    let output = run(SERVER, &["handshake", &address], &[(VARIABLE, &other)]);
    assert_eq!((stdout(&output), output.status.code()), ("", Some(1)));
    assert!(stderr(&output).contains("handshake verification failed"), "{}", stderr(&output));
    assert!(!stderr(&output).contains(&other));
}

#[test]
fn garbage_is_told_so_and_silence_is_ignored() {
    let (_process, address) = sandbox();
    assert!(say(&address, b"GET / HTTP/1.1\r\n\r\n").starts_with("ERR malformed"));
    assert!(say(&address, b"NSSH1 no line feed").starts_with("ERR malformed"));
    assert_eq!(say(&address, b""), "");
    say(&address, &[b'x'; 4096]);
    let output = run(SERVER, &["handshake", &address], &[(VARIABLE, SECRET)]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_sandbox_that_is_away_is_named() {
    let (process, address) = sandbox();
    let (status, took) = process.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(1), "{took:?}");
    let output = run(SERVER, &["handshake", &address], &[(VARIABLE, SECRET)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[test]
fn it_stands_in_for_the_supervisor_and_needs_its_secret() {
    let version = run(SANDBOX, &["--version"], &[]);
    assert!(version.status.success());
    assert!(stdout(&version).starts_with("openshell-sandbox "), "{}", stdout(&version));
    for (binary, arguments) in [(SANDBOX, vec![]), (SERVER, vec!["handshake", "127.0.0.1:1"])] {
        let output = run(binary, &arguments, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(VARIABLE), "{}", stderr(&output));
    }
}
