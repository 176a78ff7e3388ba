//! Mapped labels that change while the process runs.

use std::{collections::HashMap, sync::Arc};

use super::StoreSettings;
use crate::model::{LabelValues, MappedLabels, Relabelling, RunTemplate};

/// Moves the values of labels to their new positions. Objects that shared their values share the new ones.
#[derive(Debug)]
pub(super) struct Relabeller {
    relabelling: Relabelling,
    known: HashMap<LabelValues, MappedLabels>,
    known_templates: HashMap<Arc<RunTemplate>, Arc<RunTemplate>>,
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
            known_templates: HashMap::new(),
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

    /// The template with the new values.
    pub(super) fn apply_to_template(&mut self, template: &Arc<RunTemplate>) -> Arc<RunTemplate> {
        if let Some(known) = self.known_templates.get(template) {
            return known.clone();
        }
        let labels = self.apply(&template.labels);
        let new = Arc::new(RunTemplate {
            labels,
            ..(**template).clone()
        });
        self.known_templates.insert(template.clone(), new.clone());
        new
    }

    /// The new values, if any are known.
    pub(super) fn apply_known(&mut self, labels: &MappedLabels) -> MappedLabels {
        labels.as_ref()?;
        self.apply(labels)
    }
}
