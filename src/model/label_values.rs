//! The values of the labels that the configuration maps.

use std::{borrow::Borrow, ops::Deref, sync::Arc};

use super::Name;

/// The values of the configured labels, in the order of the configuration; `None` if no labels are configured. Objects with
/// the same values share them.
pub type MappedLabels = Option<LabelValues>;

/// Shared values of labels, behind one pointer of 8 bytes: `Arc<[Name]>` would take 16 in each record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LabelValues(Arc<Box<[Name]>>);

// === impl LabelValues ===

impl LabelValues {
    /// Whether nothing else holds these values.
    #[must_use]
    pub fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl Deref for LabelValues {
    type Target = [Name];

    fn deref(&self) -> &[Name] {
        &self.0
    }
}

/// So that a set can be searched for a list that is not shared yet.
impl Borrow<[Name]> for LabelValues {
    fn borrow(&self) -> &[Name] {
        self
    }
}

impl From<Vec<Name>> for LabelValues {
    fn from(values: Vec<Name>) -> Self {
        Self(Arc::new(values.into()))
    }
}

impl<const N: usize> From<[Name; N]> for LabelValues {
    fn from(values: [Name; N]) -> Self {
        Self(Arc::new(values.into()))
    }
}

impl FromIterator<Name> for LabelValues {
    fn from_iter<I: IntoIterator<Item = Name>>(values: I) -> Self {
        Self(Arc::new(values.into_iter().collect()))
    }
}
