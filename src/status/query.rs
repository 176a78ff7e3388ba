//! Which workloads a reader wants to see, and in which order.

use super::OverallState;
use crate::model::label_enum;

/// How filters and paths name the unnamed target. The configuration refuses it as a name.
pub const UNNAMED_TARGET: &str = "-";

label_enum! {
    /// A column to sort by.
    #[derive(Default)]
    Column {
        /// The state, worst first.
        #[default]
        State = "state",
        /// Name, then namespace.
        Workload = "workload",
        /// The namespace.
        Namespace = "namespace",
        /// The target.
        Target = "target",
        /// The type.
        Type = "type",
        /// End of the last finished run.
        LastEnd = "last",
        /// Duration of the last finished run.
        Duration = "duration",
        /// Failed runs in a row.
        Failures = "failures",
        /// The next due time.
        NextDue = "next",
        /// The success deadline.
        Deadline = "deadline",
        /// The severity.
        Severity = "severity",
    }
}

/// Filters, order and page. The default asks for the first page of all workloads, the worst first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The name of the target, [`UNNAMED_TARGET`] for the unnamed one; `None` for all.
    pub target: Option<String>,
    /// The namespace; `None` for all.
    pub namespace: Option<String>,
    /// The states; all if it is empty.
    pub states: Vec<OverallState>,
    /// Words that all have to occur in the name, namespace, type, target, severity or label values, in any case.
    pub text: String,
    /// The column to sort by. Equal rows are in the order of their names, and rows without a value come last.
    pub sort: Column,
    /// Whether the order is descending.
    pub descending: bool,
    /// The page, from 1. 0 means the first, a number that is too large the last.
    pub page: usize,
}
