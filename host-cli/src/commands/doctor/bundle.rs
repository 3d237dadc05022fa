//! `openshell doctor bundle`: what describes a gateway, in one tar, without secrets.

use super::Context;
use super::redact::Redactor;
use crate::error::Error;
use crate::{exit, ui};
use serde::Serialize;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Lines of the container's log.
const LOG_LINES: u32 = 5000;

pub(super) async fn write(context: &Context, file: &Path, checks: &str) -> Result<u8, Error> {
    let files = collect(context, checks).await?;
    let to_stdout = file == Path::new("-");
    if to_stdout {
        pack(&files, io::stdout().lock()).map_err(Error::Stdio)?;
    } else {
        let fail = |source| Error::File { action: "write", path: file.to_owned(), source };
        let mut options = std::fs::OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(file).map_err(fail)?;
        pack(&files, opened).map_err(fail)?;
        context
            .ui
            .note("Look through it before you give it away: secrets are taken out where they are known");
        ui::data(&file.display().to_string())?;
    }
    Ok(exit::OK)
}

/// What can't be had is told in its place: a bundle is wanted most when much doesn't work.
async fn collect(context: &Context, checks: &str) -> Result<Vec<(&'static str, String)>, Error> {
    let Context { name, engine, .. } = context;
    let object = name.object();
    let mut container = engine.inspect(&object).await?;
    let mut redactor = Redactor::default();
    if let Some(environment) = container.as_mut().and_then(|c| c.config.as_mut()?.env.as_mut()) {
        redactor = Redactor::of_environment(environment);
        *environment = Redactor::environment(environment);
    }
    let (version, info) = engine.describe().await?;
    let status = match engine.init(&object, &["status", "--json"]).await {
        Ok(output) => format!("{}{}", String::from_utf8_lossy(&output.stdout), output.stderr),
        Err(e) => e.to_string(),
    };
    let log = engine.last_lines(&object, LOG_LINES).await.join("\n");
    let (volume, networks) = engine.surroundings(name).await?;
    let files = vec![
        ("version.txt", format!("openshell {}\n", env!("CARGO_PKG_VERSION"))),
        ("check.txt", checks.to_owned()),
        ("docker-version.json", json(&version)),
        ("docker-info.json", json(&info)),
        ("container.json", json(&container)),
        ("volume.json", json(&volume)),
        ("networks.json", json(&networks)),
        ("status.json", status),
        ("log.txt", log),
    ];
    Ok(files.into_iter().map(|(file, text)| (file, redactor.text(&text))).collect())
}

fn json(value: &impl Serialize) -> String {
    // Docker's own document, which came as JSON.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn pack(files: &[(&str, String)], to: impl Write) -> io::Result<()> {
    let mut tar = tar::Builder::new(to);
    for (file, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("openshell-bundle/{file}"), text.as_bytes())?;
    }
    tar.into_inner()?.flush()
}
