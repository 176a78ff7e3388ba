//! `config`: the configuration in force, the last reload, and the exporter itself.
//!
//! The settings have the paths of secrets and never their contents.

use std::{borrow::Cow, path::Path};

use serde::{Serialize, Serializer};
use serde_json::Number;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema, Type,
        schema::{ArrayBuilder, SchemaType},
    },
};

use super::{
    answer::{ApiError, Success},
    parameters::{NoParameters, Parameters},
    value::Time,
};
use crate::{
    config::{Origin, Setting, SettingValue},
    history::StatusSnapshot,
    server::{data::PageData, exporter_facts::ReloadReport},
};

/// The exporter and its configuration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ConfigPage {
    /// The version of the exporter.
    version: &'static str,
    /// The commit that it was built from, or `unknown`.
    revision: &'static str,
    /// When the process started.
    started: Time,
    /// When the configuration in force was loaded.
    loaded: Time,
    /// The configuration file. Null without one.
    file: Option<String>,
    /// What is probably a mistake in the configuration.
    warnings: Vec<String>,
    /// The settings in force, those with defaults too, in the order of the documentation.
    settings: Vec<SettingEntry>,
    /// The last reload, whether it succeeded or not. Null before the first.
    last_reload: Option<ReloadEntry>,
    /// The state of the history. Null if none is configured.
    history: Option<HistoryEntry>,
}

/// A setting in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SettingEntry {
    /// Its key, such as `targets[1].poll.interval`.
    key: String,
    /// Its value.
    value: JsonValue,
    /// Whether there is a value that is not shown, because it may be secret.
    hidden: bool,
    /// Where it comes from.
    origin: OriginEntry,
}

/// The value of a setting. Durations and sizes are text, as in the configuration file.
#[derive(Clone, Debug)]
struct JsonValue(SettingValue);

/// Where a setting comes from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct OriginEntry {
    /// What kind of place that is.
    kind: OriginKind,
    /// The path of the file, `environment variable X` or `flag --x`. Null unless something sets it.
    source: Option<String>,
    /// The line in the file, from 1.
    line: Option<u64>,
}

/// What kind of place a setting comes from: `default`, `set` by a file, a variable or a flag, or `start`: the configuration of the
/// start has this value, and the one that was loaded later has another value, which needs a restart.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OriginKind {
    Default,
    Set,
    Start,
}

/// A reload that is over.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ReloadEntry {
    /// When it ended.
    end: Time,
    /// Whether the new configuration is in force.
    succeeded: bool,
    /// What changed, or every problem, in lines. The wording may change.
    text: String,
}

/// The state of the history.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct HistoryEntry {
    /// Whether the history can be written: its file, or its tables in PostgreSQL.
    up: bool,
    /// Failed attempts to open or write it.
    errors: u64,
    /// When this process last wrote it. Null before the first write.
    last_write: Option<Time>,
    /// Size of the file or of the tables, in bytes.
    file_size_bytes: u64,
    /// Runs in the history.
    runs: u64,
    /// Finished runs that are not in the history yet.
    waiting_runs: u64,
    /// Runs that were dropped and are not in the history.
    dropped_runs: u64,
}

/// The configuration in force with the origin of each setting, without secrets; the last reload, and the state of the history.
#[utoipa::path(
    get,
    path = "/config",
    tag = "exporter",
    responses((status = 200, description = "The configuration.", body = Success<ConfigPage>))
)]
pub(super) fn config(data: &dyn PageData, query: Option<&str>) -> Result<ConfigPage, ApiError> {
    Parameters::parse::<NoParameters>(query)?;
    let exporter = data.exporter();
    let config = &exporter.config;
    let file = config.in_force.file.as_deref();
    Ok(ConfigPage {
        version: exporter.version,
        revision: exporter.revision,
        started: exporter.started.into(),
        loaded: config.loaded.into(),
        file: file.map(Path::to_string_lossy).map(Into::into),
        warnings: config.warnings.clone(),
        settings: config
            .in_force
            .settings
            .iter()
            .map(SettingEntry::from)
            .collect(),
        last_reload: exporter.last_reload.as_deref().map(ReloadEntry::from),
        history: exporter.history.as_ref().map(HistoryEntry::from),
    })
}

impl From<&Setting> for SettingEntry {
    fn from(setting: &Setting) -> Self {
        Self {
            key: setting.key.clone(),
            value: JsonValue(setting.value.clone()),
            hidden: setting.value == SettingValue::Hidden,
            origin: OriginEntry::from(&setting.origin),
        }
    }
}

impl Serialize for JsonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            SettingValue::None | SettingValue::Hidden => serializer.serialize_unit(),
            SettingValue::Bool(value) => serializer.serialize_bool(*value),
            SettingValue::Number(text) => match text.parse::<Number>() {
                Ok(number) => number.serialize(serializer),
                Err(_) => serializer.serialize_str(text),
            },
            SettingValue::Text(text) => serializer.serialize_str(text),
            SettingValue::List(items) => items.serialize(serializer),
        }
    }
}

impl PartialSchema for JsonValue {
    fn schema() -> RefOr<Schema> {
        let types = [
            Type::Null,
            Type::Boolean,
            Type::Number,
            Type::String,
            Type::Array,
        ];
        ArrayBuilder::new()
            .schema_type(SchemaType::from_iter(types))
            .items(String::schema())
            .description(Some(
                "The value of a setting. Durations and sizes are text, as in the configuration file. Null if nothing is set and \
                 there is no default, and if the value is hidden.",
            ))
            .build()
            .into()
    }
}

impl ToSchema for JsonValue {
    fn name() -> Cow<'static, str> {
        "SettingValue".into()
    }
}

impl From<&Origin> for OriginEntry {
    fn from(origin: &Origin) -> Self {
        let (kind, source, line) = match origin {
            Origin::Default => (OriginKind::Default, None, None),
            Origin::Source { label, line } => (OriginKind::Set, Some(label.clone()), *line),
            Origin::Start => (OriginKind::Start, None, None),
        };
        Self { kind, source, line }
    }
}

impl From<&ReloadReport> for ReloadEntry {
    fn from(reload: &ReloadReport) -> Self {
        Self {
            end: reload.at.into(),
            succeeded: reload.outcome.succeeded,
            text: reload.outcome.text.trim_end().to_owned(),
        }
    }
}

impl From<&StatusSnapshot> for HistoryEntry {
    fn from(history: &StatusSnapshot) -> Self {
        Self {
            up: history.up,
            errors: history.errors,
            last_write: Time::of(history.last_write),
            file_size_bytes: history.file_size,
            runs: history.runs,
            waiting_runs: history.waiting,
            dropped_runs: history.dropped,
        }
    }
}
