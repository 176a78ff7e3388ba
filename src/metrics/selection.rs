//! Which families a scrape shows. The configuration selects families for all scrapes, and each scrape can select from
//! these.
//!
//! Other families are not rendered.

use std::sync::Arc;

use super::{
    families::{Condition, TABLES, TableEntry},
    labels::Labels,
    table::Family,
};
use crate::config::{Config, FamilyFilter, Pattern, PerJob};

/// What `/metrics` shows.
#[derive(Clone, Debug)]
pub struct MetricsSettings {
    /// The mapped labels.
    pub labels: Labels,
    /// The families that are included.
    pub families: FamilyFilter,
    /// Whether to show series about single Jobs.
    pub per_job: bool,
    /// Whether to show the families of kube-state-metrics. The decoder must read the objects for them.
    pub kube_state_metrics: bool,
}

/// A scrape selects a family that does not exist or that the configuration excludes.
#[derive(Debug, thiserror::Error)]
#[error("no family is called `{0}`: /metrics has the names of all")]
pub struct UnknownFamily(pub String);

/// The families of a scrape, in order.
#[derive(Clone, Debug)]
pub(super) struct FamilySelection {
    pub(super) families: Arc<[&'static dyn Family]>,
}

// === impl MetricsSettings ===

impl MetricsSettings {
    /// The settings in the configuration.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        Self {
            labels: Labels::from_config(&config.labels),
            families: config.metrics.families.clone(),
            per_job: config.metrics.per_job != PerJob::None,
            kube_state_metrics: config.metrics.kube_state_metrics.is_some(),
        }
    }

    /// The configured patterns that match no family under any configuration. They are probably misspelt.
    #[must_use]
    pub fn idle_patterns(&self) -> Vec<String> {
        let families: Vec<_> = TABLES.iter().flat_map(TableEntry::families).collect();
        let patterns = self.families.include.iter().chain(&self.families.exclude);
        let idle = patterns.filter(|pattern| !matches_any(pattern, &families));
        idle.map(ToString::to_string).collect()
    }

    /// Whether tables with this condition are shown.
    fn selects(&self, condition: Condition, has_history: bool) -> bool {
        match condition {
            Condition::Always => true,
            Condition::PerJob => self.per_job,
            Condition::KubeStateMetrics => self.kube_state_metrics,
            Condition::History => has_history,
        }
    }
}

impl Default for MetricsSettings {
    /// The settings of the default configuration.
    fn default() -> Self {
        Self::from_config(&Config::default())
    }
}

// === impl FamilySelection ===

impl FamilySelection {
    /// The families that the configuration selects.
    pub(super) fn new(settings: &MetricsSettings, has_history: bool) -> Self {
        let tables = TABLES
            .iter()
            .filter(|table| settings.selects(table.condition, has_history));
        let families = tables
            .flat_map(TableEntry::families)
            .filter(|family| settings.families.selects(family.name()));
        Self {
            families: families.collect(),
        }
    }

    /// The families that match one of these patterns.
    pub(super) fn narrowed(&self, patterns: &[Pattern]) -> Result<Self, UnknownFamily> {
        let unknown = |pattern: &&Pattern| !matches_any(pattern, &self.families);
        if let Some(unknown) = patterns.iter().find(unknown) {
            return Err(UnknownFamily(unknown.to_string()));
        }
        let families = self.families.iter().copied();
        let families = families.filter(|family| {
            let name = family.name();
            patterns.iter().any(|pattern| pattern.matches(name))
        });
        Ok(Self {
            families: families.collect(),
        })
    }
}

fn matches_any(pattern: &Pattern, families: &[&'static dyn Family]) -> bool {
    families.iter().any(|family| pattern.matches(family.name()))
}
