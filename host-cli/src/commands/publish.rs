//! Tells clients about a gateway that is ready.

use super::Context;
use crate::error::Error;
use crate::files::{Certificates, Held, Metadata};
use crate::settings::{Kept, Settings};
use crate::ui::Steps;
use openshell_contract::exit;
use openshell_contract::status::Status;

/// Stores certificates and metadata, makes the gateway the active one, and gives its endpoint.
/// Whether it serves TLS is told by the gateway: its volume may remember another mode than the flags.
pub(super) async fn publish(
    context: &Context,
    settings: &Settings,
    status: &Status,
    steps: &mut Steps,
) -> Result<String, Error> {
    let Context { name, config, engine, .. } = context;
    if let Some(pki) = &status.pki {
        let held = config.held(name, &pki.ca_sha256);
        let refused = |cause| Error::NoCertificates { name: name.clone(), cause };
        let certificates = Certificates::from_tar(&export(context).await?).map_err(refused)?;
        config.store_certificates(name, &certificates)?;
        if held == Held::OtherCa {
            steps.warn("The client certificates on this machine were of another CA: replaced");
        }
    }
    let remote = engine.host().remote();
    let endpoint = settings.endpoint(status.pki.is_some());
    let metadata = Metadata {
        name: name.to_string(),
        gateway_endpoint: endpoint.clone(),
        is_remote: remote.is_some(),
        remote_host: remote.map(str::to_owned),
        gateway_port: settings.port,
        auth_mode: Some(if status.pki.is_some() { "mtls" } else { "plaintext" }.to_owned()),
        client_lifecycle_managed: Some(true),
        container: Some(settings.kept()).filter(|kept| *kept != Kept::default()),
        rest: config.metadata(name).unwrap_or_default().rest,
    };
    config.store_metadata(name, &metadata)?;
    config.set_active(name)?;
    Ok(endpoint)
}

/// Gets the client's files from PID 1, as a tar.
pub(super) async fn export(context: &Context) -> Result<Vec<u8>, Error> {
    let refused = |cause: String| Error::NoCertificates { name: context.name.clone(), cause };
    let output = context
        .engine
        .init(&context.name.object(), &["export-client"])
        .await
        .map_err(|e| refused(e.to_string()))?;
    if output.code == i64::from(exit::OK) { Ok(output.stdout) } else { Err(refused(output.stderr)) }
}
