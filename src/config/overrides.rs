//! `overrides`: thresholds and annotations of workloads by pattern, for CronJobs that their users cannot annotate.
//!
//! The first override that matches a workload and sets a key decides that key. Annotations of the workload override it.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    Mode, Namespaces, TargetConfig, namespaces,
    pattern::{self, Pattern},
    reader::{Node, Section},
    thresholds,
};

/// The maximum number of overrides, because every workload is matched against each.
const MAX_OVERRIDES: usize = 1000;
/// The valid values of `max_failures`, here and in `thresholds`.
pub(super) const FAILURES_RANGE: RangeInclusive<u64> = 0..=1_000_000;

/// All overrides, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverridesConfig {
    /// Which workloads, and what they get. An earlier entry wins, key by key.
    pub entries: Vec<(OverrideMatch, Override)>,
}

/// The workloads that an override is for: all whose labels match. An absent pattern matches every value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverrideMatch {
    /// The name of the target; a target without a name has the empty name.
    pub target: Option<Pattern>,
    /// The namespace.
    pub namespace: Option<Pattern>,
    /// The type of the workload, such as `cronjob`.
    pub workload_type: Option<Pattern>,
    /// The name of the workload.
    pub workload: Option<Pattern>,
}

/// What the configuration sets for a workload. Absent values are those of `thresholds`, and of annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// The maximum duration of a run, in whole seconds, at least one.
    pub max_duration: Option<Duration>,
    /// The maximum age of the last success, in whole seconds, at least one.
    pub max_success_age: Option<Duration>,
    /// The time after its due time within which a run must start, in whole seconds.
    pub start_grace: Option<Duration>,
    /// The failed runs in a row that are tolerated.
    pub max_failures: Option<u64>,
    /// The label `severity` of the workload. Not empty.
    pub severity: Option<String>,
    /// The label `runbook` of the workload. Not empty.
    pub runbook: Option<String>,
    /// Whether the workload is left out.
    pub ignore: Option<bool>,
}

impl OverridesConfig {
    /// Whether there are no overrides, so that [`resolve`](Self::resolve) returns nothing for any workload.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What the overrides set for a workload. Each key is from the first override that matches and sets it.
    #[must_use]
    pub fn resolve(
        &self,
        target: Option<&str>,
        namespace: &str,
        workload_type: &str,
        workload: &str,
    ) -> Override {
        self.matching([target.unwrap_or(""), namespace, workload_type, workload])
            .fold(Override::default(), Override::or)
    }

    /// The position of the override that decides a key of a workload: the first that matches it and sets the key.
    #[must_use]
    pub fn position(
        &self,
        target: Option<&str>,
        namespace: &str,
        workload_type: &str,
        workload: &str,
        sets: impl Fn(&Override) -> bool,
    ) -> Option<usize> {
        let names = [target.unwrap_or(""), namespace, workload_type, workload];
        let mut entries = self.entries.iter();
        entries.position(|(matching, set)| matching.matches(names) && sets(set))
    }

    /// Whether the overrides leave a workload out.
    #[must_use]
    pub fn ignores(
        &self,
        target: Option<&str>,
        namespace: &str,
        workload_type: &str,
        workload: &str,
    ) -> bool {
        self.matching([target.unwrap_or(""), namespace, workload_type, workload])
            .find_map(|set| set.ignore)
            == Some(true)
    }

    /// Whether both leave the same workloads out.
    #[must_use]
    pub fn ignores_same(&self, other: &Self) -> bool {
        let ignored = |(matching, set): &(OverrideMatch, Override)| {
            let ignore = set.ignore?;
            Some((matching.clone(), ignore))
        };
        let entries = self.entries.iter().filter_map(ignored);
        entries.eq(other.entries.iter().filter_map(ignored))
    }

    /// What each override sets that matches a workload with this target, namespace, type and name.
    fn matching(&self, names: [&str; 4]) -> impl Iterator<Item = &Override> {
        let entries = self.entries.iter();
        entries
            .filter(move |(matching, _)| matching.matches(names))
            .map(|(_, set)| set)
    }
}

impl OverrideMatch {
    /// The patterns of the target, namespace, type and name.
    fn patterns(&self) -> [Option<&Pattern>; 4] {
        let Self {
            target,
            namespace,
            workload_type,
            workload,
        } = self;
        [target, namespace, workload_type, workload].map(Option::as_ref)
    }

    /// Whether the workload with this target, namespace, type and name matches.
    fn matches(&self, names: [&str; 4]) -> bool {
        let mut pairs = self.patterns().into_iter().zip(names);
        pairs.all(|(pattern, name)| pattern.is_none_or(|pattern| pattern.matches(name)))
    }

    /// Whether this matches every workload that `other` matches, as far as patterns show.
    fn covers(&self, other: &Self) -> bool {
        let everything = Pattern::from("*");
        let mut pairs = self.patterns().into_iter().zip(other.patterns());
        pairs.all(|(wide, narrow)| {
            wide.is_none_or(|wide| wide.covers(narrow.unwrap_or(&everything)))
        })
    }
}

impl Override {
    /// Takes the values that are absent here from `next`.
    fn or(self, next: &Self) -> Self {
        Self {
            max_duration: self.max_duration.or(next.max_duration),
            max_success_age: self.max_success_age.or(next.max_success_age),
            start_grace: self.start_grace.or(next.start_grace),
            max_failures: self.max_failures.or(next.max_failures),
            severity: self.severity.or_else(|| next.severity.clone()),
            runbook: self.runbook.or_else(|| next.runbook.clone()),
            ignore: self.ignore.or(next.ignore),
        }
    }

    /// The names of the keys that are set.
    fn keys(&self) -> impl Iterator<Item = &'static str> {
        let keys = [
            ("max_duration", self.max_duration.is_some()),
            ("max_success_age", self.max_success_age.is_some()),
            ("start_grace", self.start_grace.is_some()),
            ("max_failures", self.max_failures.is_some()),
            ("severity", self.severity.is_some()),
            ("runbook", self.runbook.is_some()),
            ("ignore", self.ignore.is_some()),
        ];
        keys.into_iter()
            .filter_map(|(key, is_set)| is_set.then_some(key))
    }
}

/// Reads `overrides`. `targets` are the valid ones; without any there is no check against them.
pub(super) fn read(node: &Node<'_>, targets: &[&TargetConfig]) -> OverridesConfig {
    let items = node.items().unwrap_or_default();
    if items.len() > MAX_OVERRIDES {
        let count = items.len();
        node.problem_with_hint(
            format!("has {count} overrides, the maximum is {MAX_OVERRIDES}"),
            "use patterns such as `*-backup`",
        );
        return OverridesConfig::default();
    }
    let mut overrides = OverridesConfig::default();
    for item in items {
        // Both are read even if one is missing, so that all problems are reported.
        let (match_section, set_section) = sections(&item);
        let matching = match_section.as_ref().map(matching_workloads);
        let set = set_section.as_ref().map(values);
        let (Some(match_section), Some(set_section)) = (match_section, set_section) else {
            continue;
        };
        let (Some(matching), Some(set)) = (matching, set) else {
            continue;
        };
        warn_of_unmatched(&match_section, &matching, targets);
        warn_of_shadowed(&set_section, &matching, &set, &overrides);
        overrides.entries.push((matching, set));
    }
    overrides
}

/// Reads the sections `match` and `set` of an override. `None` means that a problem was reported.
fn sections<'a>(item: &Node<'a>) -> (Option<Section<'a>>, Option<Section<'a>>) {
    let Some(section) = item.section() else {
        return (None, None);
    };
    let matching = section.get("match");
    if matching.is_none() {
        section.missing("match").problem_with_hint(
            "is missing",
            "write `match: {}` for an override of every workload",
        );
    }
    let matching = matching.and_then(|node| node.section());
    let set = section.required("set").and_then(|node| node.section());
    if let Some(set) = set.as_ref().filter(|set| set.is_empty()) {
        set.node
            .problem_with_hint("sets nothing", "remove the override");
    }
    (matching, set)
}

/// Reads `match`.
fn matching_workloads(section: &Section<'_>) -> OverrideMatch {
    let pattern = |key, check: fn(&str) -> Result<(), &'static str>| {
        let node = section.get(key)?;
        node.parsed(|text| check(text).map(|()| Pattern::from(text)))
    };
    OverrideMatch {
        target: pattern("target", check_name),
        namespace: pattern("namespace", namespaces::check),
        workload_type: pattern("workload_type", check_type),
        workload: pattern("workload", check_name),
    }
}

/// Reads `set`.
fn values(section: &Section<'_>) -> Override {
    let label = |key| {
        let node = section.get(key)?;
        node.parsed(|text| match text {
            "" => Err("is empty; omit the key instead"),
            text => Ok(text.to_owned()),
        })
    };
    let limit = |key, range| thresholds::whole_seconds(&section.get(key)?, range);
    Override {
        max_duration: limit("max_duration", thresholds::LIMIT_RANGE),
        max_success_age: limit("max_success_age", thresholds::LIMIT_RANGE),
        start_grace: limit("start_grace", thresholds::START_GRACE_RANGE),
        max_failures: section
            .get("max_failures")
            .and_then(|node| node.count(FAILURES_RANGE)),
        severity: label("severity"),
        runbook: label("runbook"),
        ignore: section.get("ignore").and_then(|node| node.boolean()),
    }
}

/// Warns about a pattern that no configured target or namespace matches. What a cluster contains is not known here.
fn warn_of_unmatched(section: &Section<'_>, matching: &OverrideMatch, targets: &[&TargetConfig]) {
    let is_named = |target: &&&TargetConfig| {
        let name = target.name.as_deref().unwrap_or("");
        let pattern = matching.target.as_ref();
        pattern.is_none_or(|pattern| pattern.matches(name))
    };
    let named: Vec<_> = targets.iter().filter(is_named).collect();
    if targets.is_empty() {
        return;
    }
    if let (true, Some(node)) = (named.is_empty(), section.get("target")) {
        let all: Vec<_> = targets.iter().filter_map(|t| t.name.as_deref()).collect();
        node.warn(match all.as_slice() {
            [] => "matches no target: the only target has no name".to_owned(),
            all => format!("matches no target; there are `{}`", all.join("`, `")),
        });
    } else if let (Some(pattern), Some(node)) = (&matching.namespace, section.get("namespace"))
        && !named.iter().any(|target| may_read(target, pattern))
    {
        node.warn("matches no namespace that is read");
    }
}

/// Warns about each value of `set` that an earlier override always decides, and about an override that ignores everything.
fn warn_of_shadowed(
    section: &Section<'_>,
    matching: &OverrideMatch,
    set: &Override,
    earlier: &OverridesConfig,
) {
    for key in set.keys() {
        let decides = |(other, values): &(OverrideMatch, Override)| {
            other.covers(matching) && values.keys().any(|other| other == key)
        };
        if let Some(index) = earlier.entries.iter().position(decides)
            && let Some(node) = section.get(key)
        {
            node.warn(format!(
                "has no effect: overrides[{index}] matches the same workloads and sets it"
            ));
        }
    }
    let keeps_some = |(_, values): &(OverrideMatch, Override)| values.ignore == Some(false);
    if set.ignore == Some(true)
        && matching.covers(&OverrideMatch::default())
        && !earlier.entries.iter().any(keeps_some)
        && let Some(node) = section.get("ignore")
    {
        node.warn("ignores every workload, so that none has series");
    }
}

/// Whether `target` may read a namespace that `pattern` matches.
fn may_read(target: &TargetConfig, pattern: &Pattern) -> bool {
    let selection = match &target.mode {
        Mode::PollJobs { jobs, .. } => {
            return jobs.iter().any(|job| pattern.matches(&job.namespace));
        }
        Mode::Watch(selection) | Mode::PollLists { selection, .. } => selection,
    };
    let Namespaces { include, exclude } = &selection.namespaces;
    let may_include = |included: &Pattern| {
        let is_excluded = included.is_exact() && pattern::any(exclude, included.as_str());
        !is_excluded && included.may_overlap(pattern)
    };
    let is_excluded = exclude.iter().any(|excluded| excluded.covers(pattern));
    !is_excluded && (include.is_empty() || include.iter().any(may_include))
}

/// Checks a pattern of names of targets or workloads.
fn check_name(text: &str) -> Result<(), &'static str> {
    let is_valid = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c);
    if !text.is_empty() && text.chars().all(is_valid) {
        return Ok(());
    }
    Err("is not a valid pattern: letters, digits, `-`, `_` and `.`, with `*` for any characters")
}

/// Checks a pattern of workload types.
fn check_type(text: &str) -> Result<(), &'static str> {
    let is_valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.*".contains(c);
    if !text.is_empty() && text.chars().all(is_valid) {
        return Ok(());
    }
    Err(
        "is not a valid workload type such as `cronjob`, `job` or `workflow`: lower-case letters, digits, `-` and `.`, with `*` for any characters",
    )
}

#[cfg(test)]
mod tests;
