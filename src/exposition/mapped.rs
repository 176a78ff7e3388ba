//! Labels that the configuration adds to series, with values from Kubernetes labels and annotations.
//!
//! A family has all of them or none, whatever its objects say: what an object does not have is an empty value. So the set
//! of labels of a family is always the same.

/// The names of the mapped labels, and where they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Their names, in the order in which objects have the values. No label of a table may be among them.
    pub names: Vec<String>,
    /// Which families have them.
    pub scope: LabelScope,
}

/// Which of the families about Jobs, `CronJobs` and workloads have the mapped labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelScope {
    /// Those whose names end in `_info`.
    #[default]
    Info,
    /// All.
    All,
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
