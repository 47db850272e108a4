//! The image config, read leniently: what no rule looks at may be absent or odd.

use serde_json::Value;

use super::super::Config;
use crate::oci::Digest;

/// Reads a config. `Err` says what it lacks that it has to have.
pub(super) fn parse(value: &Value, digest: &Digest) -> Result<Config, String> {
    let rootfs = &value["rootfs"];
    let diff_ids = rootfs["diff_ids"].as_array().ok_or("it has no rootfs.diff_ids")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut platform = format!("{}/{}", text(&value["os"]), text(&value["architecture"]));
    if let Some(variant) = value["variant"].as_str().filter(|variant| !variant.is_empty()) {
        platform = format!("{platform}/{variant}");
    }
    let config = &value["config"];
    Ok(Config {
        digest: digest.to_string(),
        platform,
        user: text(&config["User"]),
        env: texts(&config["Env"], "config.Env")?,
        entrypoint: texts(&config["Entrypoint"], "config.Entrypoint")?,
        cmd: texts(&config["Cmd"], "config.Cmd")?,
        working_dir: text(&config["WorkingDir"]),
        exposed_ports: keys(&config["ExposedPorts"]),
        volumes: keys(&config["Volumes"]),
        diff_ids: diff_ids.iter().map(text).collect(),
        stop_signal: config["StopSignal"].as_str().map(str::to_owned),
    })
}

/// A list of texts; absent and `null` are the empty list.
fn texts(value: &Value, name: &str) -> Result<Vec<String>, String> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items,
        _ => return Err(format!("{name} is no list")),
    };
    let text = |item: &Value| item.as_str().map(str::to_owned);
    items
        .iter()
        .map(text)
        .collect::<Option<_>>()
        .ok_or_else(|| format!("{name} holds something that is no text"))
}

fn keys(value: &Value) -> Vec<String> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: &Value, expected: Result<&str, &str>) {
        let parsed = parse(value, &Digest::of(b"")).map(|config| config.platform);
        assert_eq!(parsed.as_deref().map_err(String::as_str), expected, "{value}");
    }

    #[test]
    fn what_no_rule_looks_at_may_be_odd() {
        let rootfs = json!({"type": "layers", "diff_ids": []});
        check(
            &json!({"os": "linux", "architecture": "amd64", "rootfs": rootfs}),
            Ok("linux/amd64"),
        );
        check(&json!({"history": null, "config": null, "rootfs": rootfs}), Ok("/"));
        check(
            &json!({"os": "linux", "architecture": "arm", "variant": "v7", "rootfs": rootfs}),
            Ok("linux/arm/v7"),
        );
        check(&json!({"os": "linux"}), Err("it has no rootfs.diff_ids"));
        check(&json!({"config": {"Cmd": "x"}, "rootfs": rootfs}), Err("config.Cmd is no list"));
    }
}
