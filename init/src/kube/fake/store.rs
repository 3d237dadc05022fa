//! Objects by path, and the rules for changing them.

use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Objects by path, with a version that grows at each change.
#[derive(Default)]
pub struct Store {
    /// The objects.
    pub objects: BTreeMap<String, Value>,
    version: u64,
    /// Path and identity of what somebody else wrote.
    raced: Vec<(String, Value)>,
}

/// What somebody else writes: an annotation.
const RACED: &str = "raced";

impl Store {
    /// Puts `object` at `path`, in whatever version.
    pub fn put(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        let uid = self
            .objects
            .get(path)
            .map_or(json!(format!("u{}", self.version)), |o| o["metadata"]["uid"].clone());
        object["metadata"]["uid"] = uid;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    /// Does what a request asks; returns the code and the body of the answer.
    pub fn perform(&mut self, method: &Method, path: &str, body: &[u8]) -> (u16, Value) {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let found = self.objects.get(path).cloned();
        match (method.as_str(), found) {
            ("GET", Some(object)) => (200, object),
            ("GET", None) if is_collection(path) => self.list(path),
            ("POST", _) => self.create(path, body),
            (_, None) => (404, status(404, "NotFound", "not found")),
            ("PUT", Some(old)) => self.replace(path, &old, body),
            ("PATCH", Some(old)) => self.patch(path, old, &body),
            ("DELETE", Some(old)) if conflicts(&old, &body["preconditions"]) => conflict(),
            ("DELETE", Some(old))
                if old["metadata"]["finalizers"].as_array().is_some_and(|f| !f.is_empty()) =>
            {
                // It stays until somebody has taken the finalizers away (Kubernetes "Finalizers").
                (200, old)
            }
            ("DELETE", Some(_)) => {
                self.objects.remove(path);
                (200, status(200, "", "deleted"))
            }
            _ => (405, status(405, "MethodNotAllowed", path)),
        }
    }

    /// Lets somebody else write the object at `path`, if there is one.
    pub fn race(&mut self, path: &str) {
        let Some(mut object) = self.objects.get(path).cloned() else { return };
        object["metadata"]["annotations"][RACED] = json!("yes");
        self.raced.push((path.to_owned(), object["metadata"]["uid"].clone()));
        self.put(path, object);
    }

    /// Whether what [`Self::race`] wrote is still there, where its object is.
    pub fn lost_no_update(&self) -> bool {
        self.raced.iter().all(|(path, uid)| {
            let object = self.objects.get(path).filter(|object| object["metadata"]["uid"] == *uid);
            object.is_none_or(|object| object["metadata"]["annotations"][RACED] == "yes")
        })
    }

    /// A kind of the cluster's own, or one that is defined: here, once there is an object of it. The real
    /// server answers for any other with a text instead of a `Status`.
    fn list(&self, path: &str) -> (u16, Value) {
        let under = format!("{path}/");
        let items: Vec<_> =
            self.objects.iter().filter(|(p, _)| p.starts_with(&under)).map(|(_, o)| o).collect();
        if items.is_empty() && path.starts_with("/apis/agents.x-k8s.io/") {
            return (404, json!("404 page not found"));
        }
        (200, json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}))
    }

    fn create(&mut self, collection: &str, object: Value) -> (u16, Value) {
        let path = format!("{collection}/{}", object["metadata"]["name"].as_str().unwrap_or_default());
        if self.objects.contains_key(&path) {
            return (409, status(409, "AlreadyExists", &path));
        }
        if !is_valid(&object) {
            return invalid();
        }
        (201, self.put(&path, object))
    }

    fn replace(&mut self, path: &str, old: &Value, object: Value) -> (u16, Value) {
        if conflicts(old, &object["metadata"]) {
            return conflict();
        }
        let is_frozen = old["immutable"] == true && old["data"] != object["data"];
        if !is_valid(&object) || is_frozen || old["type"] != object["type"] {
            return invalid();
        }
        (200, self.put(path, object))
    }

    /// A merge patch of annotations or of finalizers, which are the only ones that are sent.
    fn patch(&mut self, path: &str, mut old: Value, change: &Value) -> (u16, Value) {
        if conflicts(&old, &change["metadata"]) {
            return conflict();
        }
        for (key, value) in change["metadata"]["annotations"].as_object().into_iter().flatten() {
            old["metadata"]["annotations"][key] = value.clone();
        }
        if let Some(finalizers) = change["metadata"].get("finalizers") {
            old["metadata"]["finalizers"] = finalizers.clone();
        }
        (200, self.put(path, old))
    }
}

fn is_collection(path: &str) -> bool {
    ["/secrets", "/pods", "/sandboxes"].iter().any(|kind| path.ends_with(kind))
}

/// Whether the identity or version that is asked for is not the one of `old`.
fn conflicts(old: &Value, asked: &Value) -> bool {
    ["uid", "resourceVersion"].iter().any(|key| !asked[key].is_null() && asked[key] != old["metadata"][key])
}

/// What the type of a Secret demands (Kubernetes "Secrets", types).
fn is_valid(object: &Value) -> bool {
    let data = &object["data"];
    object["type"] != "kubernetes.io/tls" || (data["tls.crt"].is_string() && data["tls.key"].is_string())
}

fn conflict() -> (u16, Value) {
    (409, status(409, "Conflict", "the object has been modified"))
}

fn invalid() -> (u16, Value) {
    (422, status(422, "Invalid", "field is immutable or missing"))
}

/// A `Status`, as the API answers with.
pub fn status(code: u16, reason: &str, message: &str) -> Value {
    let outcome = if code < 400 { "Success" } else { "Failure" };
    json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": outcome, "reason": reason,
           "message": message, "code": code})
}
