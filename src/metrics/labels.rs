//! Mapped labels: labels that the configuration adds to series, with values from Kubernetes labels and annotations.
//!
//! All series of a family have the same labels. If an object does not have a value, the label is empty.

use crate::config::{LabelScope, LabelsConfig};

/// The names of the mapped labels, and the families that have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// The names, in the order of the values in the objects. They must differ from the labels of all tables.
    pub names: Vec<String>,
    /// Which of the families about Jobs, `CronJobs` and workloads have the labels.
    pub scope: LabelScope,
}

impl Labels {
    /// The mapped labels in the configuration.
    #[must_use]
    pub fn from_config(config: &LabelsConfig) -> Self {
        Self {
            names: config.names().collect(),
            scope: config.scope,
        }
    }

    /// The mapped labels of a family.
    pub(super) fn of(&self, family: &str) -> &[String] {
        match self.scope {
            LabelScope::Info if !family.ends_with("_info") => &[],
            LabelScope::Info | LabelScope::All => &self.names,
        }
    }
}
