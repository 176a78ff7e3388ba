//! `config`.

use std::path::Path;

use crate::{
    config::{ConfigInForce, Origin, Setting, SettingValue},
    history::HistoryStatus,
    server::{ExporterRecord, LoadedConfig, ReloadOutcome, ReloadReport},
};

use super::*;

fn setting(key: &str, value: SettingValue, origin: Origin) -> Setting {
    Setting {
        key: key.to_owned(),
        value,
        origin,
    }
}

/// An exporter with one setting of each kind.
pub(super) fn configured() -> TestData {
    let text = |text: &str| text.to_owned();
    let set = |label: &str, line| Origin::Source {
        label: text(label),
        line,
    };
    let settings = vec![
        setting(
            "web.listen_address",
            SettingValue::List(vec![text("[::]:9806")]),
            Origin::Start,
        ),
        setting(
            "stale_after",
            SettingValue::Text(text("5m")),
            set("exporter.yaml", Some(3)),
        ),
        setting(
            "limits.x",
            SettingValue::Number(text("10000")),
            Origin::Default,
        ),
        setting(
            "targets[0].poll.requests_per_second",
            SettingValue::Number(text("0.5")),
            set("environment variable X", None),
        ),
        setting(
            "web.enable_lifecycle",
            SettingValue::Bool(true),
            set("flag --x", None),
        ),
        setting("history.path", SettingValue::None, Origin::Default),
        setting(
            "targets[0].kubernetes",
            SettingValue::Hidden,
            set(HOSTILE, Some(9)),
        ),
    ];
    let config = LoadedConfig {
        in_force: ConfigInForce {
            file: Some(Path::new(HOSTILE).to_owned()),
            settings,
        },
        loaded: clock(),
        warnings: vec![text(HOSTILE)],
    };
    let record = ExporterRecord::new(config, Some(Arc::new(HistoryStatus::default())));
    record.record_reload(ReloadReport {
        at: clock(),
        outcome: ReloadOutcome {
            succeeded: false,
            text: text("2 problems\n  one\n  two\n"),
        },
    });
    TestData {
        record,
        ..TestData::new()
    }
}

#[test]
fn settings_have_values_of_json_and_where_they_come_from() {
    let config = found(&configured(), "/config");
    let settings = &config["settings"];
    assert_eq!(
        column(settings, "value"),
        [
            &json!(["[::]:9806"]),
            &json!("5m"),
            &json!(10000),
            &json!(0.5),
            &json!(true),
            &Value::Null,
            &Value::Null,
        ]
    );
    let hidden = column(settings, "hidden");
    assert_eq!(hidden, [false, false, false, false, false, false, true]);
    let origin = |kind: &str, source: Option<&str>, line: Option<u64>| json!({"kind": kind, "source": source, "line": line});
    assert_eq!(
        column(settings, "origin"),
        [
            &origin("start", None, None),
            &origin("set", Some("exporter.yaml"), Some(3)),
            &origin("default", None, None),
            &origin("set", Some("environment variable X"), None),
            &origin("set", Some("flag --x"), None),
            &origin("default", None, None),
            &origin("set", Some(HOSTILE), Some(9)),
        ]
    );
    assert_eq!(config["loaded"], "2026-11-23T12:00:00Z");
    assert_eq!(config["started"], "2026-11-23T12:00:00Z");
    assert_eq!(config["file"], HOSTILE);
    assert_eq!(config["warnings"], json!([HOSTILE]));
}

#[test]
fn the_last_reload_and_the_history_are_null_until_there_is_one() {
    let config = found(&configured(), "/config");
    assert_eq!(
        config["last_reload"],
        json!({"end": "2026-11-23T12:00:00Z", "succeeded": false, "text": "2 problems\n  one\n  two"})
    );
    assert_eq!(config["history"]["last_write"], Value::Null);
    assert_eq!(config["history"]["errors"], 0);
    let config = found(&TestData::new(), "/config");
    assert_eq!(config["last_reload"], Value::Null);
    assert_eq!(config["history"], Value::Null);
    assert_eq!(config["file"], Value::Null);
    assert_eq!(config["version"], env!("CARGO_PKG_VERSION"));
    let (status, _, text) = refused(&configured(), "/config?key=web");
    assert_eq!(status, 400);
    assert!(text.ends_with("this path takes none"), "{text}");
}
