//! The server's life: open, listen, wait for a signal, stop in order.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic_health::ServingStatus;
use tracing::{info, warn};

use crate::grpc::{self, GrpcError};
use crate::http::{self, Role};
use crate::settings::{Settings, Transport};
use crate::store::{Counter, Counters, IfMissing, Store, StoreError};

/// How long open calls may go on after the signal. Below a second in all, so that the pod's stop is quick.
const GRACE: Duration = Duration::from_millis(400);

/// Why the server ended other than by a signal.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No handler for a signal.
    #[error("could not handle signals")]
    Signals(#[source] std::io::Error),
    /// An address can't be listened on.
    #[error("could not listen for {what} on {address}; choose a free port, or stop what uses it")]
    Listen {
        /// What the port is for.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gRPC port failed.
    #[error(transparent)]
    Grpc(#[from] GrpcError),
    /// The gRPC task ended without being told to.
    #[error("gRPC stopped serving by itself")]
    Ended,
}

/// The signals that stop the server: as process 1 of a container it gets none that it doesn't handle.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Handles SIGTERM and SIGINT from now on.
    pub fn install() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The name of the next signal.
    pub async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The open database, until it is taken away to be closed.
#[derive(Debug)]
pub struct SharedStore(Mutex<Option<Store>>);

impl SharedStore {
    /// The counters, or `None` once the database is closed.
    pub fn counters(&self) -> Result<Option<Counters>, StoreError> {
        let store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        store.as_ref().map(Store::counters).transpose()
    }

    fn take(&self) -> Option<Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Serves until a signal comes, then closes the database.
pub async fn run(settings: Settings, mut signals: StopSignals) -> Result<(), ServeError> {
    let server = grpc::builder(&settings.transport)?;
    let store = Store::open(&settings.database, IfMissing::Create)?;
    store.bump(Counter::Starts)?;
    let Counters { starts, counter } = store.counters()?;
    let store = Arc::new(SharedStore(Mutex::new(Some(store))));

    let mut plain = Vec::new();
    for (address, role, what) in
        [(settings.health, Role::Health, "health"), (settings.metrics, Role::Metrics, "metrics")]
    {
        if let Some(address) = address {
            let (listener, address) = listen(what, address).await?;
            info!(%address, what, "listening");
            plain.push(tokio::spawn(http::serve(listener, role, Arc::clone(&store))));
        }
    }

    let (listener, address) = listen("gRPC", settings.grpc).await?;
    let (stop, stopped) = oneshot::channel();
    let (reporter, serving) = grpc::serve(server, listener, async { drop(stopped.await) });
    reporter.set_service_status(grpc::SERVICE, ServingStatus::Serving).await;
    let mut serving = tokio::spawn(serving);
    info!(%address, what = "gRPC", tls = tls(&settings.transport), starts, counter, "listening");

    let result = tokio::select! {
        ended = &mut serving => flatten(ended).and(Err(ServeError::Ended)),
        name = signals.wait() => {
            info!(signal = name, "stopping");
            for service in ["", grpc::SERVICE] {
                reporter.set_service_status(service, ServingStatus::NotServing).await;
            }
            // Fails only if the server has ended, which drain tells.
            let _ = stop.send(());
            drain(serving).await
        }
    };
    plain.iter().for_each(JoinHandle::abort);
    if let Some(store) = store.take() {
        store.close()?;
        info!("database closed");
    }
    result
}

async fn listen(what: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let error = |source| ServeError::Listen { what, address, source };
    let listener = TcpListener::bind(address).await.map_err(error)?;
    let bound = listener.local_addr().map_err(error)?;
    Ok((listener, bound))
}

/// Waits for open calls to end, but no longer than [`GRACE`]: a health watch never ends by itself.
async fn drain(mut serving: JoinHandle<Result<(), GrpcError>>) -> Result<(), ServeError> {
    if let Ok(ended) = timeout(GRACE, &mut serving).await {
        return flatten(ended);
    }
    warn!(grace_ms = GRACE.as_millis(), "calls were still open at the end of the grace time");
    serving.abort();
    Ok(())
}

fn flatten(ended: Result<Result<(), GrpcError>, tokio::task::JoinError>) -> Result<(), ServeError> {
    ended.map_err(|_| ServeError::Ended)?.map_err(ServeError::Grpc)
}

const fn tls(transport: &Transport) -> &'static str {
    match transport {
        Transport::Plaintext => "off",
        Transport::Tls(files) if files.client_cert_optional => "client certificate optional",
        Transport::Tls(_) => "client certificate required",
    }
}
