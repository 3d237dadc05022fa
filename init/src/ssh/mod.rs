//! The SSH handshake secret: made once, then kept for ever.
//!
//! Sandboxes hold a copy from when they were created, so a new value would cut every one of them off.
//! [`mod@decide`] has the table; a new value in place of a usable one is made only when a person asks for it.

mod decide;
mod sandboxes;
mod value;

use crate::failure::Failure;
use crate::kube::{self, Data, Key, KubeSecret};
use ::kube::Client;
use ::kube::api::Api;
use decide::{Decision, decide};
use k8s_openapi::api::core::v1::Secret;
use openshell_contract::names::cluster;
use openshell_contract::reason::Reason;
use value::Value;

const KEY: Key = Key { name: cluster::SSH_SECRET, type_: "Opaque" };

/// Keeps the Secret, and remembers its value for as long as the process lives: what somebody deletes or
/// damages is put back.
#[derive(Default)]
pub struct Keeper {
    /// The value that was last seen, and whether all sandboxes were found to hold it.
    known: Option<(Value, bool)>,
}

/// The Secret as it is now.
#[derive(Debug, PartialEq, Eq)]
pub struct Ensured {
    /// Identifies its value.
    pub fingerprint: String,
    /// What was done, in a few words.
    pub done: String,
    /// Whether it was missing or damaged and got its value back.
    pub restored: bool,
    /// Sandboxes that hold another value.
    pub strangers: Vec<String>,
}

impl Keeper {
    /// Makes sure that the Secret in `namespace` is there and usable.
    pub async fn ensure(&mut self, client: &Client, namespace: &str) -> Result<Ensured, Failure> {
        let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let found = kube::read(&api, KEY.name).await?;
        let known = self.known.clone();
        let usable = found.as_ref().and_then(|secret| Value::read(secret).ok());
        let compared =
            known.as_ref().is_some_and(|(value, compared)| *compared && Some(value) == usable.as_ref());
        // Nobody but the server creates sandboxes, and it gives them the value that it has.
        let holders = if compared { Vec::new() } else { sandboxes::list(client, namespace).await? };

        let decision = decide(found.as_ref(), known.as_ref().map(|(value, _)| value), &holders);
        let (value, done, restored) = match decision {
            Decision::Keep(value) => (value, "kept".to_owned(), false),
            Decision::Create(cause) => (Value::generate(), format!("created: {cause}"), false),
            Decision::Restore(value, cause) => (value, format!("restored: {cause}"), true),
            Decision::Refuse(why) => {
                let reason = match why {
                    decide::Refusal::Held(..) => Reason::SshSecretUnusable,
                    _ => Reason::ForeignSecret,
                };
                let name = format!("{namespace}/{}", KEY.name);
                return Err(Failure::new(reason, format!("Secret {name} can't be used: {why}")));
            }
        };
        if usable.as_ref() == Some(&value) {
            annotate(&api, found.as_ref(), &value).await?;
        } else {
            write(&api, found.as_ref(), &value).await?;
        }
        let strangers = decide::strangers(&value, &holders);
        let fingerprint = value.fingerprint();
        // Until the last stranger is gone it is compared again.
        self.known = Some((value, strangers.is_empty()));
        Ok(Ensured { fingerprint, done, restored, strangers })
    }

    /// Puts a new value in place of the present one, if `sure`. Returns the sandboxes that the gateway
    /// can't reach any more, or would not.
    pub async fn rotate(
        &mut self,
        client: &Client,
        namespace: &str,
        sure: bool,
    ) -> Result<Vec<String>, Failure> {
        let holders = decide::names(&sandboxes::list(client, namespace).await?);
        if sure {
            let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
            let found = kube::read(&api, KEY.name).await?;
            let value = Value::generate();
            write(&api, found.as_ref(), &value).await?;
            // The next pass compares, and tells who is cut off.
            self.known = Some((value, false));
        }
        Ok(holders)
    }
}

async fn write(api: &Api<Secret>, found: Option<&KubeSecret>, value: &Value) -> Result<(), Failure> {
    let data = Data::from([(cluster::SSH_SECRET_KEY, value.text())]);
    let annotation = (cluster::FINGERPRINT_ANNOTATION, value.fingerprint());
    kube::write(api, KEY, found, data, annotation).await.map(drop)
}

/// Puts the fingerprint on a Secret that has none or another one, such as an original gateway's.
async fn annotate(api: &Api<Secret>, found: Option<&KubeSecret>, value: &Value) -> Result<(), Failure> {
    let print = value.fingerprint();
    match found {
        Some(found) if found.annotations.get(cluster::FINGERPRINT_ANNOTATION) != Some(&print) => {
            kube::annotate(api, KEY, found, (cluster::FINGERPRINT_ANNOTATION, &print)).await
        }
        _ => Ok(()),
    }
}
