//! Values of whoever runs the gateway, which win over ours.

use super::values::Values;
use crate::failure::{Context, Failure};
use openshell_contract::reason::Reason;
use serde_json::Value;

/// `ours` with what the YAML file at `path` says laid over it, if there is one.
pub fn overridden(ours: &Values<'_>, path: Option<&str>) -> Result<Value, Failure> {
    let mut values = serde_json::to_value(ours)
        .failing(Reason::ChartFailed, || "can't serialize the chart's values".to_owned())?;
    if let Some(path) = path {
        lay_over(&mut values, read(path)?);
    }
    Ok(values)
}

fn read(path: &str) -> Result<Value, Failure> {
    let context =
        || format!("can't take values of the chart from {path}, which OPENSHELL_CHART_VALUES names");
    let text = std::fs::read_to_string(path).failing(Reason::InvalidSetting, context)?;
    // The parser's message would show the place, and with it maybe a password.
    let value: Option<Value> = serde_saphyr::from_str(&text).ok();
    value.filter(Value::is_object).ok_or_else(|| {
        Failure::new(Reason::InvalidSetting, format!("{}: it is not a YAML mapping of values", context()))
    })
}

/// The gateway image that `values` name; without a tag where the chart's own is meant.
pub fn image(values: &Value) -> String {
    let part = |key: &str| values["image"][key].as_str().unwrap_or_default();
    match part("tag") {
        "" => part("repository").to_owned(),
        tag => format!("{}:{tag}", part("repository")),
    }
}

/// As Helm lays one file of values over another: mappings are merged, all else is replaced, and null takes a
/// default away (Helm "Values Files").
fn lay_over(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Inputs, values};
    use openshell_contract::settings::{Layer, Settings, Source};
    use serde_json::json;
    use std::collections::BTreeMap;

    fn with(text: &str) -> Result<Value, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("values.yaml");
        std::fs::write(&file, text).unwrap();
        let settings = Settings::from_layers(&[(Source::Environment, &Layer::new())]).unwrap();
        let checksums = BTreeMap::new();
        let ours = values(&settings, &Inputs { host_gateway: None, checksums: &checksums });
        overridden(&ours, Some(file.to_str().unwrap()))
    }

    #[test]
    fn mappings_are_merged_and_all_else_is_replaced() {
        let values = with(
            "server: {disableTls: true, logLevel: debug}\nimage: {tag: null}\ntolerations: [{key: a}]\n",
        )
        .unwrap();
        assert_eq!(
            values["server"],
            json!({"disableTls": true, "disableGatewayAuth": false, "logLevel": "debug"})
        );
        assert_eq!(values["image"]["repository"], "ghcr.io/nvidia/openshell/gateway");
        assert_eq!((&values["image"]["tag"], &values["tolerations"]), (&Value::Null, &json!([{"key": "a"}])));
        assert_eq!(image(&values), "ghcr.io/nvidia/openshell/gateway");
        assert_eq!(image(&with("image: {tag: '7'}").unwrap()), "ghcr.io/nvidia/openshell/gateway:7");
    }

    #[test]
    fn a_file_that_is_no_mapping_is_named_and_not_shown() {
        for text in ["- hunter2\n", "hunter2", "a: [hunter2", "a: 1\na: hunter2"] {
            let failure = with(text).unwrap_err();
            assert_eq!(failure.reason, Reason::InvalidSetting);
            assert!(
                failure.message.contains("values.yaml") && !failure.message.contains("hunter2"),
                "{failure}"
            );
        }
        let settings = Settings::from_layers(&[(Source::Environment, &Layer::new())]).unwrap();
        let checksums = BTreeMap::new();
        let ours = values(&settings, &Inputs { host_gateway: None, checksums: &checksums });
        assert!(overridden(&ours, Some("/no/such/values.yaml")).is_err());
        assert!(overridden(&ours, None).is_ok());
    }
}
