//! What people see of the exporter itself: its version, the configuration in force, the last reload, and its history.
//!
//! [`ExporterRecord`] is written at the start and by reloads, and read by pages. It has no secrets, because neither the
//! settings nor the problems of a configuration have any.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::RwLock;

use super::ReloadOutcome;
use crate::{
    config::ConfigInForce,
    history::{HistoryStatus, StatusSnapshot},
};

/// The exporter at one moment.
#[derive(Clone, Debug)]
pub struct ExporterFacts {
    /// The version of the program.
    pub version: &'static str,
    /// The commit that it was built from, or `unknown`.
    pub revision: &'static str,
    /// When the process started.
    pub started: Timestamp,
    /// The configuration in force.
    pub config: Arc<LoadedConfig>,
    /// The last reload; `None` before the first.
    pub last_reload: Option<Arc<ReloadReport>>,
    /// The state of the history; `None` if none is configured.
    pub history: Option<StatusSnapshot>,
}

/// A configuration that is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedConfig {
    /// Its settings.
    pub in_force: ConfigInForce,
    /// When it was loaded.
    pub loaded: Timestamp,
    /// What is probably a mistake in it.
    pub warnings: Vec<String>,
}

/// A reload that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadReport {
    /// When it ended.
    pub at: Timestamp,
    /// What changed, or every problem.
    pub outcome: ReloadOutcome,
}

/// What the exporter tells about itself while it runs.
#[derive(Debug)]
pub struct ExporterRecord {
    started: Timestamp,
    history: Option<Arc<HistoryStatus>>,
    configuration: RwLock<Configuration>,
}

#[derive(Debug)]
struct Configuration {
    in_force: Arc<LoadedConfig>,
    last_reload: Option<Arc<ReloadReport>>,
}

impl ExporterRecord {
    /// The record of an exporter that starts with this configuration.
    #[must_use]
    pub fn new(config: LoadedConfig, history: Option<Arc<HistoryStatus>>) -> Self {
        Self {
            started: config.loaded,
            history,
            configuration: RwLock::new(Configuration {
                in_force: Arc::new(config),
                last_reload: None,
            }),
        }
    }

    /// Puts another configuration in force.
    pub fn replace_config(&self, config: LoadedConfig) {
        self.configuration.write().in_force = Arc::new(config);
    }

    /// A reload is over.
    pub fn record_reload(&self, report: ReloadReport) {
        self.configuration.write().last_reload = Some(Arc::new(report));
    }

    /// The exporter now.
    #[must_use]
    pub fn facts(&self) -> ExporterFacts {
        let configuration = self.configuration.read();
        ExporterFacts {
            version: env!("CARGO_PKG_VERSION"),
            revision: env!("JOB_STATUS_EXPORTER_REVISION"),
            started: self.started,
            config: configuration.in_force.clone(),
            last_reload: configuration.last_reload.clone(),
            history: self.history.as_ref().map(|history| history.snapshot()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn config(loaded: Timestamp) -> LoadedConfig {
        LoadedConfig {
            in_force: ConfigInForce::default(),
            loaded,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_reload_that_was_refused_leaves_the_configuration_in_force() {
        let record = ExporterRecord::new(config(at(1)), None);
        assert_eq!(record.facts().last_reload, None);
        let refused = ReloadReport {
            at: at(2),
            outcome: ReloadOutcome {
                succeeded: false,
                text: "1 problem\n".to_owned(),
            },
        };
        record.record_reload(refused.clone());
        let facts = record.facts();
        assert_eq!(facts.last_reload.as_deref(), Some(&refused));
        assert_eq!(facts.config.loaded, at(1));
        record.replace_config(config(at(3)));
        let facts = record.facts();
        assert_eq!((facts.config.loaded, facts.started), (at(3), at(1)));
    }
}
