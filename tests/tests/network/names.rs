//! A DNS server on the host, and a client in a pod's network namespace.

use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// Length of the header, and the bits for "answer" and "truncated" in its third byte (RFC 1035, 4.1.1).
const HEADER: usize = 12;
const ANSWER: u8 = 0x80;
pub const TRUNCATED: u8 = 0x02;
/// Length of what is only answered over TCP.
pub const LONG: usize = 20_000;

/// Serves on port 53 of `address` until the test ends: an answer is the query with the bit set; one to a query
/// that ends with "long" is truncated over UDP, and [`LONG`] over TCP.
pub fn serve(address: IpAddr) {
    let udp = UdpSocket::bind((address, 53)).expect("port 53, which needs root");
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, client)) = udp.recv_from(&mut buffer) {
            let mut answer = buffer[..length].to_vec();
            if let Some(flags) = answer.get_mut(2) {
                *flags |= ANSWER | if is_long(&buffer[..length]) { TRUNCATED } else { 0 };
                // A client that left needs none.
                let _ = udp.send_to(&answer, client);
            }
        }
    });
    let tcp = TcpListener::bind((address, 53)).expect("port 53, which needs root");
    std::thread::spawn(move || {
        for stream in tcp.incoming().flatten() {
            let _ = answer_tcp(stream);
        }
    });
}

fn is_long(query: &[u8]) -> bool {
    query.ends_with(b"long")
}

fn answer_tcp(mut stream: TcpStream) -> std::io::Result<()> {
    let mut answer = receive_tcp(&mut stream)?;
    answer[2] |= ANSWER;
    if is_long(&answer) {
        answer.resize(LONG, 7);
    }
    send_tcp(&mut stream, &answer)
}

/// A message over TCP has its length in front (RFC 1035, 4.2.2).
fn send_tcp(stream: &mut TcpStream, message: &[u8]) -> std::io::Result<()> {
    let length = u16::try_from(message.len()).unwrap();
    stream.write_all(&[&length.to_be_bytes(), message].concat())
}

fn receive_tcp(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut message)?;
    Ok(message)
}

/// Runs `work` in the network namespace of a process.
pub fn inside<T: Send>(process: u32, work: impl FnOnce() -> T + Send) -> T {
    let namespace = File::open(format!("/proc/{process}/ns/net")).unwrap();
    std::thread::scope(|scope| {
        // A thread of its own: a namespace is a thread's.
        let thread = scope.spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("the pod's network, which needs root");
            work()
        });
        thread.join().unwrap()
    })
}

pub fn query(id: u16, text: &str) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    [&[high, low, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0][..HEADER], text.as_bytes()].concat()
}

/// Asks over UDP, once more if it is lost, as resolvers do.
pub fn ask_udp(server: SocketAddr, query: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut buffer = [0; 2048];
    for _ in 0..2 {
        socket.send_to(query, server).unwrap();
        if let Ok((length, _)) = socket.recv_from(&mut buffer) {
            return Some(buffer[..length].to_vec());
        }
    }
    None
}

pub fn ask_tcp(server: SocketAddr, query: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    send_tcp(&mut stream, query).unwrap();
    receive_tcp(&mut stream).unwrap()
}

/// What the server answers.
pub fn answer(query: &[u8]) -> Vec<u8> {
    let mut answer = query.to_vec();
    answer[2] |= ANSWER;
    answer
}
