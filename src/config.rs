//! Settings from defaults, file, environment and flags, checked as a whole.
//!
//! [`load`] merges the layers (`layers`, the only place that knows figment) into one plain tree, then reads the
//! tree key by key (`reader`, and a file per section). Nothing is half valid: the result is either [`Config`]
//! that can be acted on without further checks, or an [`Error`] with every problem at once.

use std::{path::PathBuf, time::Duration};

use kube_cron::Zone;

mod cci;
mod describe;
mod duration;
mod history;
mod keys;
mod kube_state_metrics;
mod labels;
mod layers;
mod metrics;
mod namespaces;
mod network;
mod pattern;
mod poll;
mod problem;
mod reader;
mod selector;
mod settings;
mod syntax;
mod target;
mod thresholds;
mod tree;
mod web;
mod yaml;

pub use cci::{AccessKey, Agency, CciAuth, CciConfig, KeyAuth, Project, TokenAuth};
pub use describe::describe;
pub use duration::parse as parse_duration;
pub use history::HistoryConfig;
pub use keys::KEYS;
pub use kube_state_metrics::{AllowList, KsmConfig};
pub use labels::{LabelScope, LabelsConfig, MappedLabel, OWN_LABELS, Origin};
pub use layers::{ENVIRONMENT_PREFIX, Flags, Inputs, environment};
pub use metrics::{FamilyFilter, MetricsConfig, PerJob};
pub use namespaces::{Namespaces, Scopes};
pub use pattern::Pattern;
pub use poll::PollConfig;
pub use problem::{Error, Problem};
pub use thresholds::ThresholdsConfig;
pub use web::WebConfig;

/// Everything that can be configured, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The HTTP server.
    pub web: WebConfig,
    /// What to read, at least one. Names are unique; only a single target may have none.
    pub targets: Vec<TargetConfig>,
    /// Metric labels that come from the objects.
    pub labels: LabelsConfig,
    /// The Kubernetes label whose value groups the Jobs that carry it and belong to no CronJob.
    pub workload_label: Option<String>,
    /// The limits of workloads that set none of their own.
    pub thresholds: ThresholdsConfig,
    /// For how long the series of a finished and deleted Job are kept.
    pub retain_deleted: Duration,
    /// For how long a workload is kept that has neither Jobs nor a CronJob.
    pub retain_workloads: Duration,
    /// After how long without contact the series of a target are dropped.
    pub stale_after: Duration,
    /// Where finished runs are kept beyond the life of the process; `None` for nowhere.
    pub history: Option<HistoryConfig>,
    /// What is served on `/metrics`.
    pub metrics: MetricsConfig,
    /// What is allowed but probably not meant; to be logged.
    pub warnings: Vec<Problem>,
}

/// One API endpoint, and what to read there.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetConfig {
    /// The value of the `target` label; a single target may go without.
    pub name: Option<String>,
    /// Where the API is and who asks.
    pub endpoint: EndpointConfig,
    /// What is read, and how.
    pub mode: Mode,
    /// The time zone of its kube-controller-manager: that of schedules which name none.
    pub controller_time_zone: Zone,
}

/// Where the API of a target is, and with which credentials.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one per target; a box would only stand in the way"
)]
pub enum EndpointConfig {
    /// Any Kubernetes API, found as kubectl finds it.
    Kubernetes(KubernetesConfig),
    /// Huawei Cloud CCI.
    Cci(CciConfig),
}

/// A Kubernetes API. With neither field set: `$KUBECONFIG`, `~/.kube/config`, then the service account of the pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// This file in place of the discovered one.
    pub kubeconfig: Option<PathBuf>,
    /// This context in place of the current one.
    pub context: Option<String>,
}

/// What is read from a target, and how.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// List, then watch.
    Watch(Selection),
    /// Ask for the status of each of these Jobs. Never empty, no duplicates.
    PollJobs {
        /// The Jobs.
        jobs: Vec<JobReference>,
        /// How often, and with which limits.
        poll: PollConfig,
    },
    /// List again and again.
    PollLists {
        /// What to list.
        selection: Selection,
        /// How often, and with which limits.
        poll: PollConfig,
    },
}

/// A Job by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobReference {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Which objects of a target are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// From which namespaces.
    pub namespaces: Namespaces,
    /// With which labels, in the syntax of the Kubernetes API; `None` for all.
    pub label_selector: Option<String>,
}

/// The settings that `inputs` give.
pub fn load(inputs: &Inputs) -> Result<Config, Error> {
    let tree = layers::merge(inputs).map_err(Error::new)?;
    settings::read(&tree)
}

#[cfg(test)]
mod tests;
