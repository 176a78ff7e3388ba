//! Which families a scrape shows. The configuration selects families for all scrapes, and each scrape can select from
//! these.
//!
//! Other families are not rendered.

use std::sync::Arc;

use super::{
    families::{Condition, SPEC_FAMILIES, TABLES, TableEntry},
    table::Family,
};
use crate::{
    config::{Config, FamilyFilter, LabelScope, Pattern, PerJob},
    model::Shard,
};

/// The family that alerts on unreachable targets need.
const TARGET_UP: &str = "job_status_exporter_target_up";
const UNKNOWN_FAMILY: &str = "matches no metric family: docs/metrics.md lists them";

/// What `/metrics` shows.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each follows from a key of the configuration"
)]
#[derive(Clone, Debug)]
pub struct MetricsSettings {
    /// The families that have the mapped labels. The store knows the names.
    pub label_scope: LabelScope,
    /// The families that are included.
    pub families: FamilyFilter,
    /// Whether to show series about single Jobs.
    pub per_job: bool,
    /// The most bytes that may be kept for scrapes. `None`: derived from the number of objects.
    pub cache_size: Option<u64>,
    /// Whether to show the families that only repeat the spec of a Job or a `CronJob`.
    pub spec: bool,
    /// Whether any target reads pods.
    pub pods: bool,
    /// Which of several exporters this is; `None` if it is the only one.
    pub shard: Option<Shard>,
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
            label_scope: config.labels.scope,
            families: config.metrics.families.clone(),
            per_job: config.metrics.per_job != PerJob::None,
            cache_size: config.metrics.cache_size,
            spec: config.metrics.spec,
            pods: config.targets.iter().any(|target| target.mode.reads_pods()),
            shard: config.sharding,
            kube_state_metrics: config.metrics.kube_state_metrics.is_some(),
        }
    }

    /// Whether the patterns leave any family. `has_history`: whether a history is configured.
    #[must_use]
    pub fn selects_any(&self, has_history: bool) -> bool {
        !FamilySelection::new(self, has_history).families.is_empty()
    }

    /// What is probably a mistake in the patterns, as messages with their keys. `has_history`: whether a history is
    /// configured.
    #[must_use]
    pub fn warnings(&self, has_history: bool) -> Vec<String> {
        let FamilyFilter { include, exclude } = &self.families;
        let include = include
            .iter()
            .enumerate()
            .filter_map(|(position, pattern)| {
                let problem = self.without_effect(pattern, has_history)?;
                Some(format!(
                    "metrics.include[{position}]: `{pattern}` {problem}"
                ))
            });
        // It does no harm to exclude families that are not there anyway.
        let unknown = |pattern: &Pattern| matching(pattern).next().is_none();
        let exclude = exclude
            .iter()
            .enumerate()
            .filter(|(_, pattern)| unknown(pattern));
        let exclude = exclude.map(|(position, pattern)| {
            format!("metrics.exclude[{position}]: `{pattern}` {UNKNOWN_FAMILY}")
        });
        let mut warnings: Vec<String> = include.chain(exclude).collect();
        if self.selects_any(has_history) && !self.families.selects(TARGET_UP) {
            warnings.push(format!(
                "metrics: `{TARGET_UP}` is not exported, so that no alert can tell when a target is down: add it to `metrics.include`"
            ));
        }
        warnings
    }

    /// Why a pattern of `include` selects no family.
    fn without_effect(&self, pattern: &Pattern, has_history: bool) -> Option<&'static str> {
        let mut reason = Some(UNKNOWN_FAMILY);
        for table in matching(pattern) {
            if self.selects(table.condition, has_history) {
                let families = table.families().into_iter();
                let mut matching = families.filter(|family| pattern.matches(family.name()));
                if matching.any(|family| !self.omits(family.name())) {
                    return None;
                }
                reason = Some("has no effect: `metrics.spec: false` leaves these families out");
                continue;
            }
            reason = match table.condition {
                Condition::Always => None,
                Condition::PerJob => {
                    Some("has no effect: `metrics.per_job: none` leaves these families out")
                }
                Condition::PodsPerJob if self.pods => {
                    Some("has no effect: `metrics.per_job: none` leaves these families out")
                }
                Condition::Pods | Condition::PodsPerJob => {
                    Some("has no effect: these families need a target with `pods.enabled: true`")
                }
                Condition::KubeStateMetrics => Some(
                    "has no effect: these families need `metrics.kube_state_metrics.enabled: true`",
                ),
                Condition::History => Some("has no effect: these families need `history`"),
                // A probe shows them whatever is selected.
                Condition::Probe => Some(UNKNOWN_FAMILY),
            };
        }
        reason
    }

    /// Whether the configuration selects this family, if its table is shown.
    fn serves(&self, family: &str) -> bool {
        self.families.selects(family) && !self.omits(family)
    }

    /// Whether this family is left out because it only repeats the spec.
    fn omits(&self, family: &str) -> bool {
        !self.spec && SPEC_FAMILIES.contains(&family)
    }

    /// Whether tables with this condition are shown.
    fn selects(&self, condition: Condition, has_history: bool) -> bool {
        match condition {
            Condition::Always => true,
            Condition::PerJob => self.per_job,
            Condition::Pods => self.pods,
            Condition::PodsPerJob => self.pods && self.per_job,
            Condition::KubeStateMetrics => self.kube_state_metrics,
            Condition::History => has_history,
            Condition::Probe => false,
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
            .filter(|family| settings.serves(family.name()));
        Self {
            families: families.collect(),
        }
    }

    /// The families of a probe: those that the configuration selects, and how the probe went. `metrics.per_job` does not matter,
    /// since a probe asks for a Job by name.
    pub(super) fn of_probe(settings: &MetricsSettings) -> Self {
        let families = TABLES
            .iter()
            .filter(|table| table.probed)
            .flat_map(|table| {
                let of_probe = table.condition == Condition::Probe;
                let shown = table.condition == Condition::PerJob
                    || settings.selects(table.condition, false);
                let families = table.families().into_iter();
                families.filter(move |family| of_probe || (shown && settings.serves(family.name())))
            });
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

/// The tables that have a family which matches.
fn matching(pattern: &Pattern) -> impl Iterator<Item = &'static TableEntry> {
    let matches = |table: &&TableEntry| matches_any(pattern, &table.families());
    TABLES.iter().filter(matches)
}

fn matches_any(pattern: &Pattern, families: &[&'static dyn Family]) -> bool {
    families.iter().any(|family| pattern.matches(family.name()))
}
