//! `openshell gateway list`.

use super::Context;
use crate::cli::{ListArgs, Output};
use crate::docker::observe::Listed;
use crate::error::Error;
use crate::files::ConfigDir;
use crate::name::GatewayName;
use crate::{exit, ui};
use serde::Serialize;

/// A gateway as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Row {
    name: String,
    /// Whether clients use it when told nothing.
    active: bool,
    /// Docker's state of the container, or `absent` when only the volume is there.
    state: &'static str,
    /// Docker's word for the health of a running container.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
}

pub(super) async fn run(context: &Context, args: &ListArgs) -> Result<u8, Error> {
    let rows: Vec<_> =
        context.engine.list().await?.into_iter().map(|listed| row(&context.config, listed)).collect();
    match args.output {
        // Plain data: it can always be written as JSON.
        Output::Json => ui::data(&serde_json::to_string(&rows).unwrap_or_default())?,
        Output::Text if rows.is_empty() => {
            context.ui.note("There is no gateway. Make one: openshell gateway start");
        }
        Output::Text => ui::data(&table(&rows))?,
    }
    Ok(exit::OK)
}

fn row(config: &ConfigDir, listed: Listed) -> Row {
    let Listed { name, state, health, settings } = listed;
    let remembered = name.parse::<GatewayName>().ok().and_then(|name| config.metadata(&name));
    let remembered = remembered.map(|m| m.gateway_endpoint).filter(|e| !e.is_empty());
    Row {
        active: config.active().as_deref() == Some(&name),
        state: state.map_or("absent", crate::plan::State::as_str),
        health,
        endpoint: remembered.or_else(|| settings.as_ref().map(|s| s.endpoint(true))),
        image: settings.map(|s| s.image),
        name,
    }
}

/// Columns as wide as their widest cell; the active gateway is marked.
fn table(rows: &[Row]) -> String {
    let head = ["", "NAME", "STATE", "ENDPOINT", "IMAGE"].map(str::to_owned);
    let cells = |row: &Row| {
        let mark = if row.active { "*" } else { "" };
        let health = row.health.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let state = format!("{}{health}", row.state);
        [mark.to_owned(), row.name.clone(), state, or_none(&row.endpoint), or_none(&row.image)]
    };
    let lines: Vec<_> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|l| l[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<_> = (0..5).map(width).collect();
    let line = |cells: &[String; 5]| {
        let padded: Vec<_> = cells.iter().zip(&widths).map(|(cell, w)| format!("{cell:<w$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::State;
    use crate::settings::{Remembered, Settings};

    fn rows() -> Vec<Row> {
        let home = tempfile::tempdir().unwrap();
        let config = ConfigDir::new(None, Some(home.path().into())).unwrap();
        config.set_active(&"box".parse().unwrap()).unwrap();
        let settings = Settings::resolve(&crate::cli::Start::default(), None, Remembered::default());
        let listed = |name: &str, state, health: Option<&str>, settings| Listed {
            name: name.to_owned(),
            state,
            health: health.map(str::to_owned),
            settings,
        };
        [
            listed("box", Some(State::Running), Some("healthy"), Some(settings.clone())),
            listed("only-data", None, None, None),
            listed("openshell", Some(State::Exited), None, Some(settings)),
        ]
        .map(|l| row(&config, l))
        .to_vec()
    }

    #[test]
    fn the_table() {
        insta::assert_snapshot!(table(&rows()));
    }

    #[test]
    fn json_has_the_same() {
        insta::assert_snapshot!(serde_json::to_string(&rows()).unwrap());
    }
}
