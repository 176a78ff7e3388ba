//! Labels that the configuration adds to series, with values from Kubernetes labels and annotations.
//!
//! A family has all of them or none, whatever its objects say: what an object does not have is an empty value. So the set
//! of labels of a family is always the same.

use crate::config::{self, LabelScope};

/// The names of the mapped labels, and where they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Their names, in the order in which objects have the values. No label of a table may be among them.
    pub names: Vec<String>,
    /// Which of the families about Jobs, `CronJobs` and workloads have them.
    pub scope: LabelScope,
}

impl Labels {
    /// No mapped labels.
    pub(super) const NONE: Self = Self {
        names: Vec::new(),
        scope: LabelScope::Info,
    };

    /// Those that a family has.
    pub(super) fn of(&self, family: &str) -> &[String] {
        match self.scope {
            LabelScope::Info if !family.ends_with("_info") => &[],
            LabelScope::Info | LabelScope::All => &self.names,
        }
    }
}

impl From<&config::LabelsConfig> for Labels {
    fn from(labels: &config::LabelsConfig) -> Self {
        let names = labels.mapping.iter().map(|mapped| mapped.label.clone());
        Self {
            names: names.collect(),
            scope: labels.scope,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        config::RESERVED_LABELS,
        metrics::family::{Family, Table},
        model::{CronJob, Job},
        store::{CronJobRecord, WorkloadRecord},
    };

    fn assert_reserved<T: Table>() {
        let identity = T::IDENTITY.iter().map(|(label, _)| *label);
        let own = T::ROWS.iter().flat_map(Family::labels).copied();
        for label in identity.chain(own) {
            assert!(RESERVED_LABELS.contains(&label), "{label} could be mapped");
        }
    }

    #[test]
    fn no_label_of_a_table_can_be_mapped() {
        assert_reserved::<Job>();
        assert_reserved::<CronJob>();
        assert_reserved::<CronJobRecord>();
        assert_reserved::<WorkloadRecord>();
    }
}
