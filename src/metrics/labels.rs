//! Mapped labels: labels that the configuration adds to series, with values from Kubernetes labels and annotations.
//!
//! All series of a family have the same labels. If an object does not have a value, the label is empty. The names come with the
//! records of a snapshot, because a reload changes both at once.

use crate::config::LabelScope;

/// The mapped labels of a family; `names` are those of the records.
pub(super) fn of_family<'a>(scope: LabelScope, family: &str, names: &'a [String]) -> &'a [String] {
    match scope {
        LabelScope::Info if !family.ends_with("_info") => &[],
        LabelScope::Info | LabelScope::All => names,
    }
}
