//! The configuration from defaults, file, environment and flags.
//!
//! [`load`] merges the layers into one tree (`layers`, `file` and `yaml`, the only modules that use figment). Then `root` and
//! one module per section read and validate the tree with `reader`. The result is a [`Config`] that needs no further checks,
//! or an [`Error`] with every problem.
//!
//! [`WebFile::load`] reads a second file, which the key `web.config_file` names, in the same way.

use std::{path::PathBuf, time::Duration};

use kube_cron::Zone;

use crate::model::Shard;

mod cci;
mod describe;
mod duration;
mod events;
mod file;
mod history;
mod in_force;
mod keys;
mod kube_state_metrics;
mod labels;
mod layers;
mod limits;
mod listen;
mod log;
mod metrics;
mod namespaces;
mod network;
mod overrides;
mod pattern;
mod poll;
mod problem;
mod reader;
mod root;
mod selector;
mod sharding;
mod size;
mod syntax;
mod target;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod testing;
mod thresholds;
mod tree;
mod variables;
mod web;
mod web_file;
mod yaml;

pub use cci::{AccessKey, Agency, CciAuth, CciConfig, KeyAuth, Project, TokenAuth};
pub use describe::describe;
pub use duration::parse as parse_duration;
pub use events::EventsConfig;
pub use history::{HistoryConfig, HistoryStorage, PostgresConfig};
pub use in_force::{ConfigInForce, Origin, Origins, Setting, SettingValue};
pub use keys::KEYS;
pub use kube_state_metrics::{AllowList, KsmConfig};
pub use labels::{LabelScope, LabelSource, LabelsConfig, MappedLabel, RESERVED_LABELS};
pub use layers::{Flags, Inputs, environment};
pub use limits::{LimitsConfig, ListLimits};
pub use listen::ListenAddress;
pub use log::LogLevel;
pub use metrics::{FamilyFilter, MetricsConfig, NativeHistograms, PerJob};
pub use namespaces::{Namespaces, Scopes};
pub use overrides::{Override, OverrideMatch, OverridesConfig};
pub use pattern::Pattern;
pub use poll::{PollConfig, ProbeConfig};
pub use problem::{Error, Problem};
pub use thresholds::ThresholdsConfig;
pub use variables::ENVIRONMENT_PREFIX;
pub use web::{KubernetesAuthConfig, WebConfig};
pub use web_file::{
    CipherSuite, ClientAuth, Curve, PemSource, RateLimitConfig, TlsConfig, TlsVersion,
    WEB_FILE_KEYS, WebFile, WebFileError,
};

/// The validated configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The HTTP server.
    pub web: WebConfig,
    /// The targets, at least one. Names are unique; only a single target may have none.
    pub targets: Vec<TargetConfig>,
    /// Which of several exporters this is; `None` if it is the only one.
    pub sharding: Option<Shard>,
    /// Metric labels that are mapped from Kubernetes labels and annotations.
    pub labels: LabelsConfig,
    /// The Kubernetes label whose value groups Jobs without a controlling owner into workloads.
    pub workload_label: Option<String>,
    /// Default limits of workloads; overrides and annotations override them.
    pub thresholds: ThresholdsConfig,
    /// How much is read and held, whatever others answer.
    pub limits: LimitsConfig,
    /// Limits and labels of workloads by pattern; annotations override them.
    pub overrides: OverridesConfig,
    /// How long the series of a finished Job are kept after its deletion.
    pub retain_deleted: Duration,
    /// How long a workload without Jobs and CronJob is kept.
    pub retain_workloads: Duration,
    /// The time without contact after which the series of a target are dropped.
    pub stale_after: Duration,
    /// The file or database that persists finished runs; `None` to keep them in memory only.
    pub history: Option<HistoryConfig>,
    /// What is written about each run.
    pub events: EventsConfig,
    /// The families on `/metrics`.
    pub metrics: MetricsConfig,
    /// The least important messages that are logged.
    pub log_level: LogLevel,
    /// Settings that are valid but probably a mistake. The caller logs them.
    pub warnings: Vec<Problem>,
}

/// One API endpoint and what to read there.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetConfig {
    /// The value of the `target` label; optional for a single target.
    pub name: Option<String>,
    /// The API server and the credentials.
    pub endpoint: EndpointConfig,
    /// What is read, by watch or by poll.
    pub mode: Mode,
    /// What `/probe` may ask of it.
    pub probes: ProbeConfig,
    /// The time zone of its kube-controller-manager, which applies to schedules without one.
    pub controller_time_zone: Zone,
}

/// The API server of a target and the credentials for it.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one per target, so its size does not matter"
)]
pub enum EndpointConfig {
    /// Any Kubernetes API, discovered like kubectl does.
    Kubernetes(KubernetesConfig),
    /// Huawei Cloud CCI.
    Cci(CciConfig),
}

/// A Kubernetes API. The default tries `$KUBECONFIG`, `~/.kube/config`, then the service account of the pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// Use this file instead of the discovered one.
    pub kubeconfig: Option<PathBuf>,
    /// Use this context instead of the current one.
    pub context: Option<String>,
}

/// What is read from a target, by watch or by poll.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// List, then watch.
    Watch(Selection),
    /// Poll the status of these Jobs. Never empty, without duplicates.
    PollJobs {
        /// The Jobs.
        jobs: Vec<JobReference>,
        /// The interval and the rate limits.
        poll: PollConfig,
    },
    /// Poll lists.
    PollLists {
        /// What to list.
        selection: Selection,
        /// The interval and the rate limits.
        poll: PollConfig,
    },
}

/// A Job by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobReference {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl JobReference {
    /// A Job of this namespace and name. The error says what is wrong with one of them, after its name.
    pub fn parse(namespace: &str, name: &str) -> Result<Self, InvalidJob> {
        syntax::namespace(namespace).map_err(|problem| InvalidJob::new(namespace, problem))?;
        syntax::object_name(name).map_err(|problem| InvalidJob::new(name, problem))?;
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// A namespace or a name that no Job can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {problem}")]
pub struct InvalidJob {
    text: String,
    problem: &'static str,
}

impl InvalidJob {
    fn new(text: &str, problem: &'static str) -> Self {
        Self {
            text: reader::quoted(text),
            problem,
        }
    }
}

/// Which objects of a target are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The namespaces to read.
    pub namespaces: Namespaces,
    /// A label selector in the syntax of the Kubernetes API; `None` for all objects.
    pub label_selector: Option<String>,
    /// Whether the pods of Jobs are read, too.
    pub pods: bool,
}

impl Mode {
    /// Whether the pods of Jobs are read.
    #[must_use]
    pub fn reads_pods(&self) -> bool {
        match self {
            Self::Watch(selection) | Self::PollLists { selection, .. } => selection.pods,
            Self::PollJobs { .. } => false,
        }
    }

    /// Whether both read the same Jobs and `CronJobs` in the same way.
    #[must_use]
    pub fn reads_same_jobs(&self, other: &Self) -> bool {
        let without_pods = |mode: &Self| {
            let mut mode = mode.clone();
            if let Self::Watch(selection) | Self::PollLists { selection, .. } = &mut mode {
                selection.pods = false;
            }
            mode
        };
        without_pods(self) == without_pods(other)
    }
}

/// Loads and validates the configuration.
///
/// The error has every problem with its key and its source.
pub fn load(inputs: &Inputs) -> Result<Config, Error> {
    load_with_origins(inputs).map(|(config, _)| config)
}

/// The same, with what set each setting.
pub fn load_with_origins(inputs: &Inputs) -> Result<(Config, Origins), Error> {
    let merged = layers::merge(inputs).map_err(Error::new)?;
    root::read(merged)
}

#[cfg(test)]
mod tests;
