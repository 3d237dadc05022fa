//! Tells clients about a gateway that is ready.

use super::Context;
use crate::error::Error;
use crate::files::{Certificates, Metadata};
use crate::settings::Settings;
use openshell_contract::exit;
use openshell_contract::status::Status;

/// Stores certificates and metadata, makes the gateway the active one, and gives its endpoint.
/// Whether it serves TLS is told by the gateway: its volume may remember another mode than the flags.
pub(super) async fn publish(
    context: &Context,
    settings: &Settings,
    status: &Status,
) -> Result<String, Error> {
    let Context { name, config, .. } = context;
    let tls = status.pki.is_some();
    if tls {
        config.store_certificates(name, &export(context).await?)?;
    }
    let endpoint = settings.endpoint(tls);
    let metadata = Metadata {
        name: name.to_string(),
        gateway_endpoint: endpoint.clone(),
        is_remote: false,
        gateway_port: settings.port,
        auth_mode: Some(if tls { "mtls" } else { "plaintext" }.to_owned()),
        client_lifecycle_managed: Some(true),
        rest: config.metadata(name).unwrap_or_default().rest,
    };
    config.store_metadata(name, &metadata)?;
    config.set_active(name)?;
    Ok(endpoint)
}

async fn export(context: &Context) -> Result<Certificates, Error> {
    let refused = |cause: String| Error::NoCertificates { name: context.name.clone(), cause };
    let output = context
        .engine
        .init(&context.name.object(), &["export-client"])
        .await
        .map_err(|e| refused(e.to_string()))?;
    if output.code != i64::from(exit::OK) {
        return Err(refused(output.stderr));
    }
    Certificates::from_tar(&output.stdout).map_err(refused)
}
