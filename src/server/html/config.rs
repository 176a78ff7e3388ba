//! `/config`: the settings in force without secrets, when they were loaded, the version, and the history.

use askama::Template;

use super::{
    Site,
    frame::{Frame, Section},
    look::Look,
    moment::Moment,
};
use crate::{
    config::{Origin, Setting, SettingValue},
    history::StatusSnapshot,
    model::Seconds,
    server::{ExporterFacts, exporter_facts::ReloadReport},
    status::TargetHealth,
};

/// The page.
#[derive(Template)]
#[template(path = "config.html")]
pub(super) struct ConfigPage {
    frame: Frame,
    version: &'static str,
    revision: &'static str,
    started: Moment,
    loaded: Moment,
    file: Option<String>,
    warnings: Vec<String>,
    reload: Option<Reload>,
    history: Option<History>,
    settings: Vec<Row>,
    /// How many settings are not those of the default.
    changed: usize,
}

struct Reload {
    look: Look,
    word: &'static str,
    at: Moment,
    text: String,
}

struct History {
    look: Look,
    word: &'static str,
    runs: u64,
    waiting: u64,
    dropped: u64,
    megabytes: String,
    last_write: Option<Moment>,
}

struct Row {
    key: String,
    value: String,
    /// Whether there is no value, or it is not shown.
    absent: bool,
    origin: String,
    is_default: bool,
}

impl ConfigPage {
    pub(super) fn new(
        path: &str,
        facts: &ExporterFacts,
        health: &[TargetHealth],
        now: Seconds,
        site: &Site,
    ) -> Self {
        let config = &facts.config;
        let settings: Vec<_> = config.in_force.settings.iter().map(Row::from).collect();
        let title = "Configuration".to_owned();
        Self {
            frame: Frame::new(path, Section::Configuration, title, health, now, site),
            version: facts.version,
            revision: facts.revision,
            started: Moment::relative(facts.started.as_second(), now),
            loaded: Moment::relative(config.loaded.as_second(), now),
            file: config
                .in_force
                .file
                .as_ref()
                .map(|it| it.display().to_string()),
            warnings: config.warnings.clone(),
            reload: facts.last_reload.as_ref().map(|it| Reload::new(it, now)),
            history: facts.history.as_ref().map(|it| History::new(it, now)),
            changed: settings.iter().filter(|row| !row.is_default).count(),
            settings,
        }
    }
}

impl Reload {
    fn new(report: &ReloadReport, now: Seconds) -> Self {
        let succeeded = report.outcome.succeeded;
        Self {
            look: if succeeded { Look::Fine } else { Look::Bad },
            word: if succeeded {
                "succeeded"
            } else {
                "failed: the settings below stay in force"
            },
            at: Moment::relative(report.at.as_second(), now),
            text: report.outcome.text.trim_end().to_owned(),
        }
    }
}

impl History {
    fn new(status: &StatusSnapshot, now: Seconds) -> Self {
        Self {
            look: if status.up { Look::Fine } else { Look::Bad },
            word: if status.up {
                "written"
            } else {
                "cannot be written: the log says why"
            },
            runs: status.runs,
            waiting: status.waiting,
            dropped: status.dropped,
            megabytes: megabytes(status.file_size),
            last_write: status.last_write.map(|at| Moment::relative(at, now)),
        }
    }
}

/// A size in MB with one digit.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

impl From<&Setting> for Row {
    fn from(setting: &Setting) -> Self {
        let (value, absent) = match &setting.value {
            SettingValue::None => ("not set".to_owned(), true),
            SettingValue::Hidden => ("hidden".to_owned(), true),
            SettingValue::Bool(value) => (value.to_string(), false),
            SettingValue::Number(value) | SettingValue::Text(value) => (value.clone(), false),
            SettingValue::List(values) if values.is_empty() => ("none".to_owned(), true),
            SettingValue::List(values) => (values.join(", "), false),
        };
        Self {
            key: setting.key.clone(),
            value,
            absent,
            origin: setting.origin.to_string(),
            is_default: setting.origin == Origin::Default,
        }
    }
}
