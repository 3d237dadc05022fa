//! An API server in memory, for tests: it keeps objects with resource versions, refuses what the real one
//! refuses, and fails the calls that it is told to.

mod store;

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use store::Store;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answered with 500, not done.
    Internal,
    /// Answered with 409, not done.
    Conflict,
    /// Never answered, not done.
    Silence,
    /// The connection breaks before the answer; done.
    Cut,
    /// Never answered; done.
    SilenceAfter,
    /// Somebody else writes the object just before; done, if it may be.
    Raced,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Internal, Self::Conflict, Self::Silence, Self::Cut, Self::SilenceAfter, Self::Raced];
}

/// The server; cheap to clone.
#[derive(Clone, Default)]
pub struct Fake {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    store: Store,
    calls: Vec<String>,
    faults: Vec<(usize, Fault)>,
}

impl Fake {
    /// A client of this server.
    pub fn client(&self) -> Client {
        let fake = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move { fake.answer(request).await }
        });
        Client::new(service, "default")
    }

    /// From now on, forgets the calls so far and fails those with the given numbers, counted from 0.
    pub fn arm(&self, faults: &[(usize, Fault)]) {
        let mut state = self.lock();
        state.calls.clear();
        state.faults = faults.to_vec();
    }

    /// The calls since the last [`Self::arm`], as "METHOD path".
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// The object at `path`.
    pub fn get(&self, path: &str) -> Option<Value> {
        self.lock().store.objects.get(path).cloned()
    }

    /// Puts an object at `path`, as if somebody else had.
    pub fn put(&self, path: &str, object: Value) {
        self.lock().store.put(path, object);
    }

    /// Takes the object at `path` away.
    pub fn remove(&self, path: &str) {
        self.lock().store.objects.remove(path);
    }

    /// Whether every write of a [`Fault::Raced`] is still there, where its object is.
    pub fn lost_no_update(&self) -> bool {
        self.lock().store.lost_no_update()
    }

    async fn answer(&self, request: Request<Body>) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await.map_err(io::Error::other)?;
        let fault = {
            let mut state = self.lock();
            let number = state.calls.len();
            state.calls.push(format!("{} {}", parts.method, parts.uri.path()));
            state.faults.iter().find(|(n, _)| *n == number).map(|(_, fault)| *fault)
        };
        let perform = || self.lock().store.perform(&parts.method, parts.uri.path(), &body);
        match fault {
            None => {
                let (code, answer) = perform();
                Ok(respond(code, &answer))
            }
            Some(Fault::Raced) => {
                self.lock().store.race(parts.uri.path());
                let (code, answer) = perform();
                Ok(respond(code, &answer))
            }
            Some(Fault::Internal) => Ok(respond(500, &store::status(500, "InternalError", "injected"))),
            Some(Fault::Conflict) => Ok(respond(409, &store::status(409, "Conflict", "injected"))),
            Some(Fault::Silence) => std::future::pending().await,
            Some(Fault::Cut) => {
                let _ = perform();
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Some(Fault::SilenceAfter) => {
                let _ = perform();
                std::future::pending().await
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn respond(code: u16, answer: &Value) -> Response<Body> {
    let body = Body::from(serde_json::to_vec(answer).unwrap());
    Response::builder().status(code).header("content-type", "application/json").body(body).unwrap()
}

/// Path of a Secret in the gateway's namespace.
pub fn secret(name: &str) -> String {
    format!("/api/v1/namespaces/openshell/secrets/{name}")
}

/// A Secret with `data` as text.
pub fn secret_object(name: &str, type_: &str, data: &[(&str, &str)]) -> Value {
    let data: std::collections::BTreeMap<_, _> =
        data.iter().map(|(k, v)| (*k, k8s_openapi::ByteString(v.as_bytes().to_vec()))).collect();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": type_, "data": data})
}
