//! Mapped labels that change while the process runs.

use std::{collections::HashMap, sync::Arc};

use super::StoreSettings;
use crate::model::{MappedLabels, Name, Relabelling};

/// Moves the values of labels to their new positions. Objects that shared their values share the new ones.
#[derive(Debug)]
pub(super) struct Relabeller {
    relabelling: Relabelling,
    known: HashMap<Arc<[Name]>, MappedLabels>,
    /// The new values of objects whose values are not known.
    unknown: MappedLabels,
}

impl Relabeller {
    /// `None` if the labels are the same.
    pub(super) fn new(old: &StoreSettings, new: &StoreSettings) -> Option<Self> {
        if old.labels == new.labels {
            return None;
        }
        let position = |label| old.labels.iter().position(|before| before == label);
        let relabelling = Relabelling {
            names: new.label_names(),
            positions: new.labels.iter().map(position).collect(),
        };
        Some(Self {
            unknown: relabelling.apply(&None),
            relabelling,
            known: HashMap::new(),
        })
    }

    /// What changes.
    pub(super) fn relabelling(&self) -> &Relabelling {
        &self.relabelling
    }

    /// The new values. Those that are not known yet are empty.
    pub(super) fn apply(&mut self, labels: &MappedLabels) -> MappedLabels {
        let Some(values) = labels else {
            return self.unknown.clone();
        };
        let known = self.known.entry(values.clone());
        known
            .or_insert_with(|| self.relabelling.apply(labels))
            .clone()
    }

    /// The new values, if any are known.
    pub(super) fn apply_known(&mut self, labels: &MappedLabels) -> MappedLabels {
        labels.as_ref()?;
        self.apply(labels)
    }
}
