//! The socket that answers for process 1: one request line, then the answer.
//!
//! | request | answer |
//! |---|---|
//! | `health` | `{"done":…,"text":…}`: whether the gateway is healthy, and how it is in a line |
//! | `status` | the status document, one line |
//! | `watch` | the status document at each change, a line each, until the caller leaves |
//! | `look` | `{"done":…,"text":…}` once everything was looked at, and repaired or deployed |
//! | `rotate pki leaf`, `rotate pki ca` | `{"done":…,"text":…}` |
//! | `rotate ssh`, `rotate ssh yes` | the same; without `yes` it tells what would break |
//! | `replace` | `{"done":…,"text":…}` at once; then another openshell-init takes the place of this one |
//! | `export-client` | `{"ca.crt":…,"tls.crt":…,"tls.key":…}`, or an empty line when there are none |
//!
//! Its directory is open to root alone, since `export-client` hands out a private key.

use crate::board::Board;
use crate::failure::{Context, Failure};
use crate::files;
use crate::pki::ClientBundle;
use crate::reconcile::{Reconciler, Rotation};
use crate::replace::Replacement;
use crate::warnings::About;
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tracing::debug;

/// Longest request in bytes, and how long a caller may take for it.
const REQUEST: (u64, Duration) = (64, Duration::from_secs(2));

/// Who does what is asked for.
#[derive(Default)]
pub struct Desk {
    /// In the cluster, once there is one.
    pub reconciler: OnceLock<Arc<Reconciler>>,
    /// With process 1 itself, once k3s was started.
    pub replacement: OnceLock<Replacement>,
}

/// What came of a request, in place of the whole document.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Whether it was done.
    pub done: bool,
    /// What was done, or why not.
    pub text: String,
}

/// Binds the socket and answers on it for as long as the runtime lives.
pub fn serve(
    board: Board,
    client: watch::Receiver<Option<ClientBundle>>,
    desk: Arc<Desk>,
) -> Result<(), Failure> {
    let socket = Path::new(path::SOCKET);
    if let Err(e) = std::fs::remove_file(socket)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(Failure::caused(Reason::StateUnusable, format!("can't remove {}", path::SOCKET), &e));
    }
    let listener = UnixListener::bind(socket)
        .failing(Reason::StateUnusable, || format!("can't bind {}", path::SOCKET))?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    board.warn(About::Socket, None::<String>);
                    let (board, client, desk) = (board.clone(), client.clone(), desk.clone());
                    tokio::spawn(async move {
                        if let Err(e) = answer(stream, board, client, desk).await {
                            debug!("a caller left: {e}");
                        }
                    });
                }
                // Out of descriptors: those that are in use are closed within REQUEST's time.
                Err(e) => {
                    board.warn(About::Socket, [format!("can't accept on {}: {e}", path::SOCKET)]);
                    tokio::time::sleep(REQUEST.1).await;
                }
            }
        }
    });
    Ok(())
}

/// Makes the runtime directory; to be called before anything writes into it.
pub fn make_run_dir() -> std::io::Result<()> {
    files::make_dir(Path::new(path::RUN), 0o700)
}

async fn answer(
    mut stream: UnixStream,
    board: Board,
    client: watch::Receiver<Option<ClientBundle>>,
    desk: Arc<Desk>,
) -> std::io::Result<()> {
    crate::fault::point("socket");
    let (read, mut write) = stream.split();
    let mut request = String::new();
    let mut reader = BufReader::new(read.take(REQUEST.0));
    tokio::time::timeout(REQUEST.1, reader.read_line(&mut request)).await??;
    match request.trim() {
        "health" => {
            let status = board.status();
            tell(&mut write, Answer { done: status.is_healthy(), text: status.summary() }).await
        }
        "status" => {
            let document = board.watch().borrow().clone();
            write.write_all(format!("{document}\n").as_bytes()).await
        }
        "watch" => {
            let mut changes = board.watch();
            loop {
                let document = changes.borrow_and_update().clone();
                write.write_all(format!("{document}\n").as_bytes()).await?;
                if changes.changed().await.is_err() {
                    return Ok(());
                }
            }
        }
        "export-client" => {
            let bundle = client.borrow().as_ref().map(ClientBundle::to_json).unwrap_or_default();
            write.write_all(bundle.as_bytes()).await?;
            write.write_all(b"\n").await
        }
        "look" => tell(&mut write, on(&desk, async |reconciler| reconciler.look().await).await).await,
        "rotate pki leaf" => tell(&mut write, rotate(&desk, Rotation::Leaves).await).await,
        "rotate pki ca" => tell(&mut write, rotate(&desk, Rotation::Ca).await).await,
        "rotate ssh" => tell(&mut write, rotate(&desk, Rotation::Ssh { sure: false }).await).await,
        "rotate ssh yes" => tell(&mut write, rotate(&desk, Rotation::Ssh { sure: true }).await).await,
        "replace" => {
            let ready = replaceable(&desk).await;
            let (done, text) =
                (ready.is_ok(), ready.as_ref().map_or_else(Clone::clone, |(_, version)| version.clone()));
            tell(&mut write, Answer { done, text }).await?;
            // Once it is wanted, nobody is left to answer.
            if let Ok((replacement, _)) = ready {
                replacement.want();
            }
            Ok(())
        }
        other => write.write_all(format!("unknown request {other:?}\n").as_bytes()).await,
    }
}

async fn rotate(desk: &Desk, what: Rotation) -> Answer {
    on(desk, async |reconciler| reconciler.rotate(what).await).await
}

/// Who puts another process 1 in place, and its version; or why nobody can.
async fn replaceable(desk: &Desk) -> Result<(&Replacement, String), String> {
    let replacement = desk.replacement.get().ok_or("k3s was not started yet; try again later")?;
    let version = replacement.check().await;
    let version =
        version.failing(Reason::Internal, || "process 1 stays what it is").map_err(|e| e.message)?;
    Ok((replacement, version))
}

async fn on(desk: &Desk, work: impl AsyncFnOnce(&Reconciler) -> Result<String, Failure>) -> Answer {
    let Some(reconciler) = desk.reconciler.get() else {
        return Answer { done: false, text: "the gateway has not started yet; try again later".to_owned() };
    };
    match work(reconciler).await {
        Ok(text) => Answer { done: true, text },
        Err(failure) => Answer { done: false, text: failure.message },
    }
}

async fn tell(write: &mut (impl AsyncWrite + Unpin), answer: Answer) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    write.write_all(&line).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::near;
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt;

    /// Longest answer to one that isn't known: itself, written out, and a few words.
    const ANSWER: usize = 4096;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_request_is_answered_or_refused_and_ends(
            request in near(&["rotate ssh yes\n", "rotate pki ca\n", "export-client\n", "look\n"]),
        ) {
            // These two are long by right.
            prop_assume!(!["status", "watch"].contains(&String::from_utf8_lossy(&request).trim()));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let got = runtime.block_on(async {
                let (mut caller, called) = UnixStream::pair().unwrap();
                caller.write_all(&request).await.unwrap();
                caller.shutdown().await.unwrap();
                let client = watch::Sender::new(None);
                // One that is no text is an error, and the caller is left.
                let _ = answer(called, Board::new(), client.subscribe(), Arc::default()).await;
                let mut got = Vec::new();
                caller.read_to_end(&mut got).await.map(|_| got)
            });
            // It may be left with words unread (`unix(7)`, ECONNRESET).
            prop_assert!(got.is_err() || got.is_ok_and(|got| got.len() <= ANSWER));
        }
    }
}
