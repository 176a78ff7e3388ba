//! `metrics`: which families are served, for which Jobs, and with which buckets.
//!
//! Families are told by their names alone; which there are is not known here.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    KsmConfig, duration, kube_state_metrics,
    pattern::{self, Pattern, Subject},
    reader::{Node, Section},
};

/// What the patterns are about.
const SUBJECT: Subject = Subject {
    one: "family",
    many: "families",
    purpose: "serve",
    example: "batch_job_*",
    check,
};

/// The choices of `per_job` by their names in the configuration.
const PER_JOB: [(&str, PerJob); 3] = [
    ("all", PerJob::All),
    ("active", PerJob::Active),
    ("none", PerJob::None),
];

/// How many buckets a histogram may have: each is a series of each workload.
const BUCKET_COUNTS: RangeInclusive<usize> = 1..=50;
/// What the limit of a bucket may be.
const BUCKETS: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_hours(3650 * 24);

/// The limits of the buckets unless the configuration says so, in seconds: from 1s to 2d.
const RUN_DURATION_BUCKETS: [f64; 15] = [
    1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0,
    86_400.0, 172_800.0,
];

/// What is served on `/metrics`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsConfig {
    /// Which Jobs have series of their own.
    pub per_job: PerJob,
    /// Which families there are.
    pub families: FamilyFilter,
    /// The limits of the buckets of run durations in seconds, from small to large, at least one.
    pub run_duration_buckets: Vec<f64>,
    /// The families of kube-state-metrics, if they are wanted.
    pub kube_state_metrics: Option<KsmConfig>,
}

/// Which Jobs have series of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PerJob {
    /// Every one.
    #[default]
    All,
    /// Those that are not finished, and the last of each workload.
    Active,
    /// None: workloads and CronJobs only.
    None,
}

/// Families by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyFilter {
    /// Only these.
    pub include: Vec<Pattern>,
    /// None of these.
    pub exclude: Vec<Pattern>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            per_job: PerJob::default(),
            families: FamilyFilter::default(),
            run_duration_buckets: RUN_DURATION_BUCKETS.to_vec(),
            kube_state_metrics: None,
        }
    }
}

impl Default for FamilyFilter {
    fn default() -> Self {
        Self {
            include: vec![Pattern::from("*")],
            exclude: Vec::new(),
        }
    }
}

impl FamilyFilter {
    /// Whether the family of this name is wanted.
    #[must_use]
    pub fn selects(&self, family: &str) -> bool {
        pattern::any(&self.include, family) && !pattern::any(&self.exclude, family)
    }
}

/// Reads `metrics`. What is wrong is reported, and the default stands in for it.
pub(super) fn read(node: &Node<'_>) -> MetricsConfig {
    let default = MetricsConfig::default();
    let Some(section) = node.section() else {
        return default;
    };
    MetricsConfig {
        per_job: section
            .get("per_job")
            .and_then(|node| node.choice("a selection of Jobs", &PER_JOB))
            .unwrap_or_default(),
        families: families(&section),
        run_duration_buckets: section
            .get("run_duration_buckets")
            .and_then(|node| buckets(&node))
            .unwrap_or(default.run_duration_buckets),
        kube_state_metrics: section
            .get("kube_state_metrics")
            .and_then(|node| kube_state_metrics::read(&node)),
    }
}

/// Reads `include` and `exclude`.
fn families(section: &Section<'_>) -> FamilyFilter {
    let (include, exclude) = pattern::include_and_exclude(section, SUBJECT);
    if include.is_empty() {
        return FamilyFilter {
            exclude,
            ..FamilyFilter::default()
        };
    }
    FamilyFilter { include, exclude }
}

/// Whether `text` is the name of a family or a pattern of such names.
fn check(text: &str) -> Result<(), &'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_:*".contains(c);
    if !text.is_empty() && text.chars().all(known) {
        return Ok(());
    }
    Err(
        "is not a family such as `batch_job_state`: letters, digits and `_`, with `*` for any characters",
    )
}

/// Reads `run_duration_buckets`.
fn buckets(node: &Node<'_>) -> Option<Vec<f64>> {
    let items = node.items()?;
    if !BUCKET_COUNTS.contains(&items.len()) {
        let (least, most) = BUCKET_COUNTS.into_inner();
        let count = items.len();
        node.problem_with_hint(
            format!("must have from {least} to {most} buckets, has {count}"),
            "leave it out for buckets from 1s to 2d",
        );
        return None;
    }
    let mut limits: Vec<Duration> = Vec::new();
    for item in items {
        let Some(limit) = item.duration(BUCKETS) else {
            continue;
        };
        if let Some(&before) = limits.last()
            && limit <= before
        {
            let (limit, before) = (duration::format(limit), duration::format(before));
            item.problem(format!(
                "must be longer than the bucket before: {limit} is not more than {before}"
            ));
        }
        limits.push(limit);
    }
    Some(limits.iter().map(Duration::as_secs_f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_selected_when_included_and_not_excluded() {
        assert!(FamilyFilter::default().selects("anything"));
        let families = FamilyFilter {
            include: vec!["batch_*".into(), "kube_job_info".into()],
            exclude: vec!["batch_job_*".into()],
        };
        for (family, selected) in [
            ("batch_cronjob_info", true),
            ("batch_job_state", false),
            ("kube_job_info", true),
            ("kube_job_info2", false),
        ] {
            assert_eq!(families.selects(family), selected, "{family}");
        }
    }

    #[test]
    fn patterns_are_made_of_the_characters_of_families() {
        for good in ["batch_job_state", "kube_*", "*", "a:b", "*_total"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "batch_.*", "batch-job", "^batch", "batch_job ", "é"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_default_buckets_are_a_configuration_that_would_be_accepted() {
        assert!(BUCKET_COUNTS.contains(&RUN_DURATION_BUCKETS.len()));
        assert!(RUN_DURATION_BUCKETS.is_sorted_by(|a, b| a < b));
    }
}
