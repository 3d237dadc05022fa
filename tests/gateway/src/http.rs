//! Plain HTTP for probes and metrics, on ports of their own.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tracing::warn;

use crate::logs::chain;
use crate::serve::SharedStore;
use crate::store::{Counters, StoreError};

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a failed accept: it fails for want of descriptors, which needs time to change.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a port answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `/healthz` (the process lives) and `/readyz` (the database answers too).
    Health,
    /// `/metrics` in Prometheus' text format.
    Metrics,
}

/// Serves until the future is dropped.
pub async fn serve(listener: TcpListener, role: Role, store: Arc<SharedStore>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, ?role, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let store = Arc::clone(&store);
        let service = service_fn(move |request: Request<Incoming>| {
            let store = Arc::clone(&store);
            async move { Ok::<_, Infallible>(handle(role, &request, &store).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        // A probe that hangs up early is no event worth a line.
        tokio::spawn(async move { drop(connection.await) });
    }
}

async fn handle(role: Role, request: &Request<Incoming>, store: &Arc<SharedStore>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let counters = match (role, path) {
        (Role::Health, "/readyz") | (Role::Metrics, "/metrics") => {
            let store = Arc::clone(store);
            let read = tokio::task::spawn_blocking(move || store.counters()).await;
            Some(read.unwrap_or_else(|_| Ok(None)))
        }
        _ => None,
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return response(StatusCode::METHOD_NOT_ALLOWED, String::from("use GET\n"));
    }
    let (status, body) = answer(role, path, counters);
    response(status, body)
}

/// Status and body of a request; `counters` is what was read for a path that needs them, `None` inside it
/// when the database is closed.
fn answer(
    role: Role,
    path: &str,
    counters: Option<Result<Option<Counters>, StoreError>>,
) -> (StatusCode, String) {
    match (role, path, counters) {
        (Role::Health, "/healthz", _) => (StatusCode::OK, String::from("{\"status\":\"healthy\"}\n")),
        (Role::Health, "/readyz", Some(Ok(Some(_)))) => {
            (StatusCode::OK, String::from("{\"status\":\"ready\"}\n"))
        }
        (Role::Metrics, "/metrics", Some(Ok(Some(counters)))) => (
            StatusCode::OK,
            format!(
                "# TYPE openshell_test_gateway_starts_total counter\n\
                 openshell_test_gateway_starts_total {}\n",
                counters.starts
            ),
        ),
        (_, _, Some(Err(error))) => {
            warn!(error = chain(&error), "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, String::from("{\"status\":\"database unavailable\"}\n"))
        }
        (_, _, Some(Ok(None))) => {
            (StatusCode::SERVICE_UNAVAILABLE, String::from("{\"status\":\"stopping\"}\n"))
        }
        _ => (StatusCode::NOT_FOUND, String::from("not found\n")),
    }
}

fn response(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_answers_only_to_its_own_paths() {
        let counters = || Some(Ok(Some(Counters { starts: 3, counter: 0 })));
        assert_eq!(answer(Role::Health, "/healthz", None).0, StatusCode::OK);
        assert_eq!(answer(Role::Health, "/readyz", counters()).0, StatusCode::OK);
        assert_eq!(answer(Role::Health, "/metrics", None).0, StatusCode::NOT_FOUND);
        assert_eq!(answer(Role::Metrics, "/healthz", None).0, StatusCode::NOT_FOUND);
        let (status, body) = answer(Role::Metrics, "/metrics", counters());
        assert_eq!(status, StatusCode::OK);
        assert!(body.ends_with("openshell_test_gateway_starts_total 3\n"), "{body}");
    }

    #[test]
    fn without_a_database_it_lives_but_is_not_ready() {
        assert_eq!(answer(Role::Health, "/readyz", Some(Ok(None))).0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer(Role::Health, "/healthz", Some(Ok(None))).0, StatusCode::OK);
    }
}
