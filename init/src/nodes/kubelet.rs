//! Whether kubelet lives.

use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Its health endpoint (`KubeletConfiguration`, `healthzBindAddress` and `healthzPort`; k3s leaves the port).
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 10248);
/// How long it may take: it stays on this machine.
const PATIENCE: Duration = Duration::from_secs(1);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.0\r\n\r\n";

/// Asks it for its health.
pub async fn answers() -> Result<(), Error> {
    ask(ADDRESS).await
}

async fn ask(address: SocketAddr) -> Result<(), Error> {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(REQUEST).await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        // The status code follows the version (RFC 9112, 4).
        if &answer[9..] == b"200" { Ok(()) } else { Err(Error::other(String::from_utf8_lossy(&answer))) }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn only_200_is_an_answer() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move {
                for answer in ["HTTP/1.0 200 OK\r\n\r\nok", "HTTP/1.0 500 x\r\n\r\n", "HTTP"] {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
            ask(address).await.unwrap();
            assert!(ask(address).await.unwrap_err().to_string().contains("500"));
            ask(address).await.unwrap_err();
            assert_eq!(ask(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        });
    }
}
