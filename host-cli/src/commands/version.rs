//! `openshell version`.

use crate::cli::Output;
use crate::error::Error;
use crate::{exit, ui};

pub(super) fn run(output: Output) -> Result<u8, Error> {
    let version = env!("CARGO_PKG_VERSION");
    match output {
        Output::Text => ui::data(&format!("openshell {version}"))?,
        Output::Json => ui::data(&serde_json::json!({ "version": version }).to_string())?,
    }
    Ok(exit::OK)
}
