//! `metrics`: the served families, the Jobs with their own series, and the histogram buckets.
//!
//! This module checks the syntax of family names, not whether a family exists.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    KsmConfig, duration, kube_state_metrics,
    pattern::{self, Pattern, Subject},
    reader::{Node, Section},
    size,
};

/// Family names.
const SUBJECT: Subject = Subject {
    one: "family",
    many: "families",
    example: "batch_job_*",
    check,
};

/// The values of `per_job`.
const PER_JOB: [(&str, PerJob); 3] = [
    ("all", PerJob::All),
    ("active", PerJob::Active),
    ("none", PerJob::None),
];

/// The values of `native_histograms`. Not `off`: Helm reads it as false.
const NATIVE_HISTOGRAMS: [(&str, NativeHistograms); 3] = [
    ("none", NativeHistograms::None),
    ("both", NativeHistograms::Both),
    ("only", NativeHistograms::Only),
];

/// The valid number of buckets. Each is a series per workload.
const BUCKET_COUNT_RANGE: RangeInclusive<usize> = 1..=50;
/// The valid upper bounds of a bucket.
const BUCKET_RANGE: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_hours(3650 * 24);

/// The valid values of `cache_size`.
const CACHE_SIZE_RANGE: RangeInclusive<u64> = 0..=size::TIB;

/// The default of `run_duration_buckets`, in seconds: from 1s to 2d.
const RUN_DURATION_BUCKETS: [f64; 15] = [
    1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0,
    86_400.0, 172_800.0,
];

/// The families on `/metrics`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsConfig {
    /// The Jobs with their own series.
    pub per_job: PerJob,
    /// Whether the families are served that only repeat the spec of a Job or a CronJob.
    pub spec: bool,
    /// The served families.
    pub families: FamilyFilter,
    /// The upper bounds of the run duration buckets in seconds, ascending, at least one.
    pub run_duration_buckets: Vec<f64>,
    /// The most bytes of compressed blocks that are kept for scrapes. 0 keeps none; `None` derives the size from the number of
    /// objects.
    pub cache_size: Option<u64>,
    /// The histograms of workloads in the protobuf format.
    pub native_histograms: NativeHistograms,
    /// The families of kube-state-metrics; `None` when disabled.
    pub kube_state_metrics: Option<KsmConfig>,
}

/// The Jobs with their own series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PerJob {
    /// All Jobs.
    #[default]
    All,
    /// Unfinished Jobs, and the last Job of each workload.
    Active,
    /// No Jobs: only workloads and CronJobs have series.
    None,
}

/// The histograms of workloads in the protobuf format. The text formats always have classic ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NativeHistograms {
    /// Classic histograms only. No native ones are kept.
    #[default]
    None,
    /// Native and classic histograms.
    Both,
    /// Native histograms only.
    Only,
}

/// Include and exclude lists of families. Exclusion wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyFilter {
    /// The included families, at least one pattern.
    pub include: Vec<Pattern>,
    /// The excluded families.
    pub exclude: Vec<Pattern>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            per_job: PerJob::default(),
            spec: true,
            families: FamilyFilter::default(),
            run_duration_buckets: RUN_DURATION_BUCKETS.to_vec(),
            cache_size: None,
            native_histograms: NativeHistograms::default(),
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
    /// Whether this family is served.
    #[must_use]
    pub fn selects(&self, family: &str) -> bool {
        pattern::any(&self.include, family) && !pattern::any(&self.exclude, family)
    }
}

/// Reads `metrics`. The default replaces an invalid value, which is reported.
pub(super) fn read(node: &Node<'_>) -> MetricsConfig {
    let default = MetricsConfig::default();
    let Some(section) = node.section() else {
        return default;
    };
    MetricsConfig {
        per_job: section
            .get("per_job")
            .and_then(|node| node.choice(&PER_JOB))
            .unwrap_or_default(),
        spec: section
            .get("spec")
            .and_then(|node| node.boolean())
            .unwrap_or(default.spec),
        families: families(&section),
        run_duration_buckets: section
            .get("run_duration_buckets")
            .and_then(|node| buckets(&node))
            .unwrap_or(default.run_duration_buckets),
        cache_size: section
            .get("cache_size")
            .and_then(|node| size::read(&node, CACHE_SIZE_RANGE)),
        native_histograms: section
            .get("native_histograms")
            .and_then(|node| node.choice(&NATIVE_HISTOGRAMS))
            .unwrap_or_default(),
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

/// Checks that `text` is a family name or a pattern of family names.
fn check(text: &str) -> Result<(), &'static str> {
    let is_valid = |c: char| c.is_ascii_alphanumeric() || "_:*".contains(c);
    if !text.is_empty() && text.chars().all(is_valid) {
        return Ok(());
    }
    Err(
        "is not a valid family name such as `batch_job_state`: letters, digits and `_`, with `*` for any characters",
    )
}

/// Reads `run_duration_buckets`.
fn buckets(node: &Node<'_>) -> Option<Vec<f64>> {
    let items = node.items()?;
    if !BUCKET_COUNT_RANGE.contains(&items.len()) {
        let (min, max) = BUCKET_COUNT_RANGE.into_inner();
        let count = items.len();
        node.problem_with_hint(
            format!("must have {min} to {max} buckets, has {count}"),
            "omit the key for buckets from 1s to 2d",
        );
        return None;
    }
    let mut limits: Vec<Duration> = Vec::new();
    for item in items {
        let Some(limit) = item.duration(BUCKET_RANGE) else {
            continue;
        };
        if let Some(&previous) = limits.last()
            && limit <= previous
        {
            let (limit, previous) = (duration::format(limit), duration::format(previous));
            item.problem(format!(
                "must be longer than the previous bucket: {limit} is not longer than {previous}"
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
    fn patterns_have_only_characters_of_family_names() {
        for good in ["batch_job_state", "kube_*", "*", "a:b", "*_total"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "batch_.*", "batch-job", "^batch", "batch_job ", "é"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_default_buckets_are_valid() {
        assert!(BUCKET_COUNT_RANGE.contains(&RUN_DURATION_BUCKETS.len()));
        assert!(RUN_DURATION_BUCKETS.is_sorted_by(|a, b| a < b));
    }
}
