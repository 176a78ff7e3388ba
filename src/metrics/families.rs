//! All families, in the order in which `/metrics` shows them.

use super::table::{Family, Row, Table};

pub(super) mod cronjob;
pub(super) mod history;
pub(super) mod job;
pub(super) mod ksm;
pub(super) mod pods;
pub(super) mod probe;
pub(super) mod process;
pub(super) mod target;
pub(super) mod workload;

/// All tables.
pub(super) static TABLES: [TableEntry; 14] = [
    TableEntry::of::<job::Jobs>(Condition::PerJob).probed(),
    TableEntry::of::<job::ConfiguredJobs>(Condition::Always).probed(),
    TableEntry::of::<cronjob::CronJobs>(Condition::Always),
    TableEntry::of::<cronjob::Schedules>(Condition::Always),
    TableEntry::of::<cronjob::ObservedSchedules>(Condition::Always),
    TableEntry::of::<workload::Workloads>(Condition::Always),
    TableEntry::of::<pods::PodsOfJobs>(Condition::PodsPerJob),
    TableEntry::of::<pods::PodsOfWorkloads>(Condition::Pods),
    TableEntry::of::<ksm::KsmJobs>(Condition::KubeStateMetrics).probed(),
    TableEntry::of::<ksm::KsmCronJobs>(Condition::KubeStateMetrics),
    TableEntry::of::<target::Targets>(Condition::Always),
    TableEntry::of::<history::History>(Condition::History),
    TableEntry::of::<process::Process>(Condition::Always),
    TableEntry::of::<probe::Probes>(Condition::Probe).probed(),
];

/// The families that only repeat the spec of a Job or a `CronJob`. `metrics.spec: false` leaves them out, and no alert rule or
/// dashboard may need them. Their HELP names the field of the spec.
pub(super) static SPEC_FAMILIES: [&str; 7] = [
    "batch_job_parallelism",
    "batch_job_completions",
    "batch_job_backoff_limit",
    "batch_job_active_deadline_seconds",
    "batch_cronjob_starting_deadline_seconds",
    "batch_cronjob_successful_jobs_history_limit",
    "batch_cronjob_failed_jobs_history_limit",
];

/// A table without its types.
#[derive(Debug)]
pub(super) struct TableEntry {
    /// The heading in the reference.
    pub(super) title: &'static str,
    /// The text below the heading, as Markdown.
    pub(super) about: &'static str,
    /// When the table is shown.
    pub(super) condition: Condition,
    /// Whether a probe shows the table: its records are single Jobs, or the probe.
    pub(super) probed: bool,
    identity: fn() -> Vec<&'static str>,
    families: fn() -> Vec<&'static dyn Family>,
}

/// When a table is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// In every scrape.
    Always,
    /// Unless the configuration disables the series of single Jobs.
    PerJob,
    /// If a target reads pods.
    Pods,
    /// The same, unless the configuration disables the series of single Jobs.
    PodsPerJob,
    /// If the configuration enables the families of kube-state-metrics.
    KubeStateMetrics,
    /// If a history is configured.
    History,
    /// In no scrape: only a probe shows the table.
    Probe,
}

// === impl TableEntry ===

impl TableEntry {
    const fn of<T: Table>(condition: Condition) -> Self {
        Self {
            title: T::TITLE,
            about: T::ABOUT,
            condition,
            probed: false,
            identity: || T::IDENTITY.iter().map(|(label, _)| *label).collect(),
            families: || T::ROWS.iter().map(as_family::<T>).collect(),
        }
    }

    /// The same table, shown by probes.
    const fn probed(self) -> Self {
        Self {
            probed: true,
            ..self
        }
    }

    /// Names of the labels that identify a record.
    pub(super) fn identity(&self) -> Vec<&'static str> {
        (self.identity)()
    }

    /// The rows.
    pub(super) fn families(&self) -> Vec<&'static dyn Family> {
        (self.families)()
    }
}

fn as_family<T: Table>(row: &'static Row<T::Record, T>) -> &'static dyn Family {
    row
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::RESERVED_LABELS;

    fn assert_reserved<T: Table>() {
        let identity = T::IDENTITY.iter().map(|(label, _)| *label);
        let own = T::ROWS.iter().flat_map(Family::labels).copied();
        for label in identity.chain(own) {
            assert!(RESERVED_LABELS.contains(&label), "{label} could be mapped");
        }
    }

    #[test]
    fn no_label_of_a_table_can_be_mapped() {
        assert_reserved::<job::Jobs>();
        assert_reserved::<cronjob::CronJobs>();
        assert_reserved::<cronjob::Schedules>();
        assert_reserved::<workload::Workloads>();
        assert_reserved::<pods::PodsOfJobs>();
        assert_reserved::<pods::PodsOfWorkloads>();
    }

    #[test]
    fn the_families_that_repeat_the_spec_are_those_whose_help_names_a_field_of_it() {
        let own = TABLES
            .iter()
            .filter(|table| table.condition != Condition::KubeStateMetrics);
        let families = own.flat_map(TableEntry::families);
        let of_spec = families.filter(|family| family.help().contains("(spec."));
        let names: Vec<_> = of_spec.map(Family::name).collect();
        assert_eq!(names, SPEC_FAMILIES);
    }

    #[test]
    fn no_rule_and_no_dashboard_needs_a_family_that_repeats_the_spec() {
        for text in [
            include_str!("../../config/rules/job-status.rules.yaml"),
            include_str!("../../dashboards/batch-overview.json"),
            include_str!("../../dashboards/batch-workload.json"),
            include_str!("../../dashboards/job-status-exporter.json"),
        ] {
            assert!(text.contains("job_status_exporter_target_"));
            for name in SPEC_FAMILIES {
                assert!(!text.contains(name), "{name}");
            }
        }
    }

    #[test]
    fn every_family_has_its_own_name_and_one_sentence_of_help() {
        let mut names = HashSet::new();
        for family in TABLES.iter().flat_map(TableEntry::families) {
            let (name, help) = (family.name(), family.help());
            assert!(names.insert(name), "{name} is there twice");
            let sentence = help
                .strip_suffix('.')
                .unwrap_or_else(|| panic!("{name}: {help}"));
            assert!(!sentence.contains(". "), "{name}: {help}");
        }
    }
}
