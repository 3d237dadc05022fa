//! The relay over TCP, to which resolvers turn when an answer was truncated (RFC 7766).

use super::IN_FLIGHT;
use super::upstreams::Upstreams;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How long a server may take to accept.
const CONNECTING: Duration = Duration::from_secs(2);
/// How long a connection may last (RFC 7766, 6.2.3 recommends a few seconds of idleness).
const LASTING: Duration = Duration::from_secs(10);

/// Passes connections on, for ever.
pub async fn relay(listener: TcpListener, servers: Arc<Upstreams>) {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let Ok((mut client, _)) = listener.accept().await else { continue };
        let servers = servers.clone();
        tokio::spawn(async move {
            if let Some(mut upstream) = connect(&servers).await {
                // Either side may leave at any time; the client then asks again.
                let _ = tokio::time::timeout(LASTING, copy_bidirectional(&mut client, &mut upstream)).await;
            }
            drop(permit);
        });
    }
}

async fn connect(servers: &Upstreams) -> Option<TcpStream> {
    for (i, server) in servers.in_order() {
        if let Ok(Ok(upstream)) = tokio::time::timeout(CONNECTING, TcpStream::connect(server)).await {
            servers.answered(i);
            return Some(upstream);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn a_connection_reaches_the_first_server_that_accepts() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let good = server.local_addr().unwrap();
            tokio::spawn(async move {
                let (mut connection, _) = server.accept().await.unwrap();
                let mut query = [0; 5];
                connection.read_exact(&mut query).await.unwrap();
                connection.write_all(&[query.to_vec(), vec![9; 100_000]].concat()).await.unwrap();
            });
            let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let at = listener.local_addr().unwrap();
            tokio::spawn(relay(listener, Arc::new(Upstreams::new(vec![dead, good]))));
            let mut client = TcpStream::connect(at).await.unwrap();
            client.write_all(b"query").await.unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, [b"query".to_vec(), vec![9; 100_000]].concat());
        });
    }
}
