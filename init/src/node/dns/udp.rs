//! The relay over UDP.

use super::IN_FLIGHT;
use super::upstreams::Upstreams;
use nix::sys::socket::{MsgFlags, recv};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;

/// How long one server may take before the next is asked. Resolvers ask again after 5 s (`resolv.conf(5)`,
/// `timeout`), so that two servers fit in.
const PATIENCE: Duration = Duration::from_secs(2);
/// Largest UDP message (RFC 6891 leaves it to the peers; 64 KiB holds any).
const MAX_MESSAGE: usize = 65_535;
/// Length of the header (RFC 1035, 4.1.1).
pub const HEADER: usize = 12;
/// Response codes (RFC 1035, 4.1.1) by which a server says that it can't tell, while another may.
const SERVFAIL: u8 = 2;
const REFUSED: u8 = 5;

/// Passes queries on, for ever.
pub async fn relay(socket: Arc<UdpSocket>, servers: Arc<Upstreams>) {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT));
    loop {
        // An error here is about an earlier answer (its receiver is gone), not about this socket.
        let Ok((query, client)) = receive(&socket).await else { continue };
        // As an overloaded resolver does; the client asks again.
        let Ok(permit) = permits.clone().try_acquire_owned() else { continue };
        let (socket, servers) = (socket.clone(), servers.clone());
        tokio::spawn(async move {
            if let Some(answer) = answer(&servers, &query).await {
                // A client that left doesn't need the answer.
                let _ = socket.send_to(&answer, client).await;
            }
            drop(permit);
        });
    }
}

/// The first answer that tells something, or else the last one that doesn't.
async fn answer(servers: &Upstreams, query: &[u8]) -> Option<Vec<u8>> {
    let mut last = None;
    for (i, server) in servers.in_order() {
        let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, ask(server, query)).await else { continue };
        if !matches!(code(&answer), Some(SERVFAIL | REFUSED)) {
            servers.answered(i);
            return Some(answer);
        }
        last = Some(answer);
    }
    last
}

/// One query to one server from a port of its own, so that answers can't be mixed up.
pub async fn ask(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let local: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    loop {
        // A server that is not there is told by an error alone (`udp(7)`, ECONNREFUSED), for which tokio's own
        // methods don't wait.
        let answer = socket.async_io(Interest::READABLE | Interest::ERROR, || take(&socket)).await?;
        // The first two bytes are the query's id (RFC 1035, 4.1.1).
        if answer.len() >= 2 && query.len() >= 2 && answer[..2] == query[..2] {
            return Ok(answer);
        }
    }
}

/// The response code of a message.
pub fn code(message: &[u8]) -> Option<u8> {
    (message.len() >= HEADER).then(|| message[3] & 0x0f)
}

fn take(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; MAX_MESSAGE];
    let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
    buffer.truncate(length);
    buffer.shrink_to_fit();
    Ok(buffer)
}

/// Receives into a buffer that is not kept while waiting: there may be hundreds of waiting.
async fn receive(socket: &UdpSocket) -> io::Result<(Vec<u8>, SocketAddr)> {
    loop {
        socket.readable().await?;
        let mut buffer = vec![0; MAX_MESSAGE];
        match socket.try_recv_from(&mut buffer) {
            Ok((length, from)) => return Ok((buffer[..length].to_vec(), from)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// A server that answers each query `say(query)`, and nothing to an empty one.
    async fn server(say: fn(&[u8]) -> Vec<Vec<u8>>) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (query, client) = receive(&socket).await.unwrap();
                for answer in say(&query) {
                    socket.send_to(&answer, client).await.unwrap();
                }
            }
        });
        address
    }

    async fn start(servers: Vec<SocketAddr>) -> SocketAddr {
        let relay = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let address = relay.local_addr().unwrap();
        tokio::spawn(super::relay(relay, Arc::new(Upstreams::new(servers))));
        address
    }

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    fn message(id: u16, code: u8, rest: &[u8]) -> Vec<u8> {
        let [high, low] = id.to_be_bytes();
        [&[high, low, 0x80, code, 0, 0, 0, 0, 0, 0, 0, 0], rest].concat()
    }

    #[test]
    fn a_query_gets_its_own_answer_whole_and_untouched() {
        run(async {
            let forging = server(|query| vec![b"\0\0forged".to_vec(), [query, &[7; 5000]].concat()]).await;
            let relay = start(vec![forging]).await;
            let query = message(0x1234, 0, b"query");
            assert_eq!(ask(relay, &query).await.unwrap(), [&query[..], &[7; 5000]].concat());
        });
    }

    #[test]
    fn the_bit_that_says_truncated_arrives() {
        run(async {
            let truncating = server(|query| {
                let mut answer = query.to_vec();
                answer[2] |= 0x02;
                vec![answer]
            })
            .await;
            let relay = start(vec![truncating]).await;
            assert_eq!(ask(relay, &message(1, 0, b"")).await.unwrap()[2] & 0x02, 0x02);
        });
    }

    #[test]
    fn a_dead_or_silent_server_is_passed_over_and_not_asked_first_again() {
        run(async {
            let dead = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let silent = server(|_| Vec::new()).await;
            let good = server(|query| vec![query.to_vec()]).await;
            let relay = start(vec![dead, silent, good]).await;
            let begin = Instant::now();
            ask(relay, &message(1, 0, b"")).await.unwrap();
            assert!(begin.elapsed() >= PATIENCE && begin.elapsed() < PATIENCE * 2, "{:?}", begin.elapsed());
            let again = Instant::now();
            ask(relay, &message(2, 0, b"")).await.unwrap();
            assert!(again.elapsed() < PATIENCE / 2, "{:?}", again.elapsed());
        });
    }

    #[test]
    fn a_server_that_cant_tell_is_believed_only_if_no_other_can() {
        run(async {
            let failing =
                server(|query| vec![message(u16::from_be_bytes([query[0], query[1]]), 2, b"")]).await;
            let good = server(|query| vec![query.to_vec()]).await;
            let both = start(vec![failing, good]).await;
            assert_eq!(code(&ask(both, &message(1, 0, b"")).await.unwrap()), Some(0));
            let alone = start(vec![failing]).await;
            assert_eq!(code(&ask(alone, &message(2, 0, b"")).await.unwrap()), Some(SERVFAIL));
        });
    }

    #[test]
    fn hundreds_of_queries_at_once_all_get_their_own_answers() {
        run(async {
            let good = server(|query| vec![query.to_vec()]).await;
            let relay = start(vec![good]).await;
            let asking = (0..400_u16).map(|id| async move {
                let query = message(id, 0, &id.to_be_bytes());
                // A burst may overflow a socket's buffer; a resolver asks again.
                for _ in 0..5 {
                    if let Ok(answer) = tokio::time::timeout(Duration::from_secs(1), ask(relay, &query)).await
                    {
                        return answer.unwrap() == query;
                    }
                }
                false
            });
            let answers = futures_util::future::join_all(asking).await;
            assert_eq!(answers.iter().filter(|own| **own).count(), 400);
        });
    }
}
