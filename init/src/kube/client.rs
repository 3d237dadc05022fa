use crate::board::Board;
use crate::failure::{Context, Failure};
use crate::stage::Stage;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use openshell_contract::names::path;
use openshell_contract::reason::Reason;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

/// How often the API is asked while it starts.
const POLL: Duration = Duration::from_millis(50);
/// How long one request may take. Watches are not affected: the server ends them.
const PATIENCE: Duration = Duration::from_secs(10);

/// Names the cause and the object of an API error, where it is known.
pub trait ApiContext<T> {
    /// Names what was attempted, on which object.
    fn on<D: Display>(self, what: impl FnOnce() -> D) -> Result<T, Failure>;
}

impl<T> ApiContext<T> for Result<T, kube::Error> {
    fn on<D: Display>(self, what: impl FnOnce() -> D) -> Result<T, Failure> {
        self.map_err(|e| {
            let reason =
                if matches!(e, kube::Error::Api(_)) { Reason::ApiRequest } else { Reason::ApiUnavailable };
            Failure::caused(reason, what(), &e)
        })
    }
}

/// Waits for the answer to one request, within [`PATIENCE`]. Without one, nobody knows whether it was done.
pub async fn within<T, D: Display>(
    request: impl Future<Output = Result<T, kube::Error>>,
    what: impl Fn() -> D,
) -> Result<T, Failure> {
    match tokio::time::timeout(PATIENCE, request).await {
        Ok(answer) => answer.on(what),
        Err(_) => Err(Failure::new(
            Reason::ApiUnavailable,
            format!("{}: the API did not answer within {} s", what(), PATIENCE.as_secs()),
        )),
    }
}

/// Whether the object is not there, or its kind. By the code alone: for a kind that it doesn't serve, the API
/// answers with a text in place of a `Status` that would give the reason.
pub fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Whether somebody else wrote the object first: read again and decide again.
pub fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// Waits until the API server says that it is ready (`/readyz`, Kubernetes "API health endpoints").
pub async fn wait_ready(board: &Board) -> Result<Client, Failure> {
    loop {
        match try_ready().await {
            Ok(client) => {
                board.detail(Stage::Api, "ready");
                return Ok(client);
            }
            Err(why) => board.detail(Stage::Api, why),
        }
        tokio::time::sleep(POLL).await;
    }
}

/// A client of the cluster that `file` names.
pub async fn connect(file: &Path) -> Result<Client, Failure> {
    let context = || format!("can't use the kubeconfig {}", file.display());
    let kubeconfig = Kubeconfig::read_from(file).failing(Reason::ApiUnavailable, context)?;
    config(kubeconfig).await.and_then(Client::try_from).failing(Reason::ApiUnavailable, context)
}

/// A client of the node's own API server, which no proxy stands before: the environment may name one for
/// the way out.
async fn local_client(kubeconfig: Kubeconfig) -> Result<Client, kube::Error> {
    let mut config = config(kubeconfig).await?;
    config.proxy_url = None;
    Client::try_from(config)
}

async fn config(kubeconfig: Kubeconfig) -> Result<Config, kube::Error> {
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(kube::Error::InferKubeconfig)?;
    config.connect_timeout = Some(PATIENCE);
    config.write_timeout = Some(PATIENCE);
    config.read_timeout = None;
    Ok(config)
}

/// The reason is for the status only: everything here is expected while k3s starts. It leaves out what
/// changes from one attempt to the next, since a new detail counts as progress.
async fn try_ready() -> Result<Client, String> {
    // k3s writes the file when its certificates are made; an older one is replaced meanwhile.
    let kubeconfig =
        Kubeconfig::read_from(path::KUBECONFIG).map_err(|_| "k3s has written no kubeconfig yet")?;
    let client = local_client(kubeconfig).await.map_err(|_| "k3s's kubeconfig can't be used")?;
    let request =
        http::Request::get("/readyz").body(Vec::new()).map_err(|_| "/readyz is no request target")?;
    match tokio::time::timeout(PATIENCE, client.request_text(request)).await {
        Ok(Ok(_)) => Ok(client),
        Ok(Err(kube::Error::Api(_))) => Err("the API answers and is not ready yet".to_owned()),
        Ok(Err(_)) => Err("the API does not answer yet".to_owned()),
        Err(_) => Err("the API accepts connections and does not answer".to_owned()),
    }
}
