//! Which families are shown: by the configuration for all scrapes, and of these by each scrape for itself.
//!
//! What is not shown is not rendered, so it costs nothing.

use std::sync::Arc;

use super::{Family, Labels, families};
use crate::config::{self, FamilyFilter, Pattern, PerJob};

/// What `/metrics` shows.
#[derive(Clone, Debug)]
pub struct MetricsSettings {
    /// Labels from the objects.
    pub labels: Labels,
    /// The families that are wanted at all.
    pub families: FamilyFilter,
    /// Whether there are series about single Jobs.
    pub per_job: bool,
    /// The families of kube-state-metrics; they have something to show of objects that were read for them.
    pub kube_state_metrics: bool,
}

/// A scrape asked for a family that there is not, or that the configuration excludes.
#[derive(Debug, thiserror::Error)]
#[error("no family is called `{0}`: /metrics has the names of all")]
pub struct UnknownFamily(pub String);

/// What one scrape shows.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    /// FamilyFilter of facts, in their order.
    pub(super) families: Arc<[&'static dyn Family]>,
    configured: Arc<FamilyFilter>,
    /// The scrape is for these only; for all where there is none.
    asked: Arc<[Pattern]>,
}

// === impl Settings ===

impl From<&config::Config> for MetricsSettings {
    fn from(settings: &config::Config) -> Self {
        Self {
            labels: Labels::from(&settings.labels),
            families: settings.metrics.families.clone(),
            per_job: settings.metrics.per_job != PerJob::None,
            kube_state_metrics: settings.metrics.kube_state_metrics.is_some(),
        }
    }
}

impl Default for MetricsSettings {
    /// What holds when nothing is configured.
    fn default() -> Self {
        Self::from(&config::Config::default())
    }
}

// === impl Selection ===

impl Selection {
    /// What the configuration wants.
    pub(super) fn new(settings: &MetricsSettings) -> Self {
        let families = families(settings);
        Self {
            families: families
                .filter(|family| settings.families.selects(family.name()))
                .collect(),
            configured: Arc::new(settings.families.clone()),
            asked: Arc::default(),
        }
    }

    /// Whether a family is shown.
    pub(super) fn selects(&self, family: &str) -> bool {
        let asked = |family| self.asked.iter().any(|pattern| pattern.matches(family));
        self.configured.selects(family) && (self.asked.is_empty() || asked(family))
    }

    /// What a scrape asks for, which is something; `others` are the names of families that are not about facts.
    pub(super) fn narrowed(
        &self,
        asked: &[Pattern],
        others: &[String],
    ) -> Result<Self, UnknownFamily> {
        let facts = self.families.iter().map(|family| family.name());
        let others = others.iter().map(String::as_str);
        let others = others.filter(|name| self.selects(name));
        let names: Vec<&str> = facts.chain(others).collect();
        let known = |pattern: &&Pattern| names.iter().any(|name| pattern.matches(name));
        if let Some(unknown) = asked.iter().find(|pattern| !known(pattern)) {
            return Err(UnknownFamily(unknown.to_string()));
        }
        let mut narrowed = Self {
            asked: asked.into(),
            ..self.clone()
        };
        let families = self.families.iter().copied();
        narrowed.families = families
            .filter(|family| narrowed.selects(family.name()))
            .collect();
        Ok(narrowed)
    }
}
