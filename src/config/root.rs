//! The root of the configuration, and the checks that involve several keys.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use kube_cron::Zone;

use super::{
    Config, EndpointConfig, Error, EventsConfig, KubernetesConfig, LabelsConfig, LimitsConfig,
    LogLevel, MetricsConfig, Mode, Origins, OverridesConfig, ProbeConfig, Selection, TargetConfig,
    ThresholdsConfig, WebConfig, duration, events, history,
    keys::KEYS,
    labels,
    layers::Merged,
    limits, log, metrics, overrides,
    reader::{Node, Report, Section},
    sharding, target, thresholds, web,
};

/// The default of `retain_deleted`.
const RETAIN_DELETED: Duration = Duration::from_mins(2);
/// The default of `retain_workloads`.
const RETAIN_WORKLOADS: Duration = Duration::from_hours(1);
/// The default of `stale_after`.
const STALE_AFTER: Duration = Duration::from_mins(10);
/// The valid values of `retain_deleted`.
const RETENTION_RANGE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(7 * 24);
/// The valid values of `retain_workloads`. The maximum covers workloads that run once a year.
const WORKLOAD_RETENTION_RANGE: RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_hours(366 * 24);
/// The valid values of `stale_after`.
const STALE_AFTER_RANGE: RangeInclusive<Duration> =
    Duration::from_secs(2)..=Duration::from_hours(7 * 24);
/// The least `stale_after` for a watch. Without changes the API sends only a bookmark per minute; one may be late.
const MIN_WATCH_STALE_AFTER: Duration = Duration::from_mins(2);

/// Reads and validates the settings.
pub(super) fn read(merged: Merged) -> Result<(Config, Origins), Error> {
    let report = Report::new(KEYS, merged.problems, merged.warnings);
    let config = root(&Node::root(&merged.tree, &report), &report);
    let (problems, warnings) = report.into_parts();
    match config {
        Some(config) if problems.is_empty() => {
            Ok((Config { warnings, ..config }, Origins(merged.tree)))
        }
        _ => Err(Error::new(problems)),
    }
}

/// Reads the root. `None` only when it is not a map.
fn root(node: &Node<'_>, report: &Report) -> Option<Config> {
    let root = node.section()?;
    let web = root.get("web").map(|node| web::read(&node));
    let before = report.problem_count();
    let targets = match root.find("targets") {
        Some(node) => targets(&node, report),
        None => vec![(node.clone(), default_target())],
    };
    // A target that is left out may be the right one.
    if let Some(web) = &web
        && report.problem_count() == before
    {
        let targets: Vec<_> = targets.iter().map(|(_, target)| target).collect();
        web.check(&targets);
    }
    let retention = |key, range| root.get(key)?.duration(range);
    Some(Config {
        web: web.map(|web| web.config).unwrap_or_default(),
        sharding: root.get("sharding").and_then(|node| sharding::read(&node)),
        labels: labels::read(&root),
        workload_label: root
            .get("workload_label")
            .and_then(|node| labels::workload_label(&node)),
        thresholds: root
            .get("thresholds")
            .map_or_else(ThresholdsConfig::default, |node| thresholds::read(&node)),
        limits: root
            .get("limits")
            .map_or_else(LimitsConfig::default, |node| limits::read(&node)),
        overrides: overrides(&root, &targets),
        retain_deleted: retention("retain_deleted", RETENTION_RANGE).unwrap_or(RETAIN_DELETED),
        retain_workloads: retention("retain_workloads", WORKLOAD_RETENTION_RANGE)
            .unwrap_or(RETAIN_WORKLOADS),
        stale_after: stale_after(&root, &targets),
        history: root.get("history").and_then(|node| history::read(&node)),
        events: root
            .get("events")
            .map_or_else(EventsConfig::default, |node| events::read(&node)),
        metrics: root
            .get("metrics")
            .map_or_else(MetricsConfig::default, |node| metrics::read(&node)),
        log_level: root
            .get("log")
            .map_or_else(LogLevel::default, |node| log::read(&node)),
        targets: targets.into_iter().map(|(_, target)| target).collect(),
        warnings: Vec::new(),
    })
}

/// The target without any configuration.
fn default_target() -> TargetConfig {
    TargetConfig {
        name: None,
        endpoint: EndpointConfig::Kubernetes(KubernetesConfig::default()),
        mode: Mode::Watch(Selection::default()),
        probes: ProbeConfig::default(),
        controller_time_zone: Zone::default(),
    }
}

impl Default for Config {
    /// A watch on the whole cluster that kubectl would use.
    fn default() -> Self {
        Self {
            web: WebConfig::default(),
            targets: vec![default_target()],
            sharding: None,
            labels: LabelsConfig::default(),
            workload_label: None,
            thresholds: ThresholdsConfig::default(),
            limits: LimitsConfig::default(),
            overrides: OverridesConfig::default(),
            retain_deleted: RETAIN_DELETED,
            retain_workloads: RETAIN_WORKLOADS,
            stale_after: STALE_AFTER,
            history: None,
            events: EventsConfig::default(),
            metrics: MetricsConfig::default(),
            log_level: LogLevel::default(),
            warnings: Vec::new(),
        }
    }
}

/// Reads `targets` without those that have problems. Checks against a default in place of an invalid value would mislead.
fn targets<'a>(node: &Node<'a>, report: &Report) -> Vec<(Node<'a>, TargetConfig)> {
    let Some(items) = node.items() else {
        return Vec::new();
    };
    if items.is_empty() {
        node.problem_with_hint(
            "lists no targets",
            "omit the key to watch the cluster that kubectl would use",
        );
    }
    let several = items.len() > 1;
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut targets = Vec::new();
    for item in items {
        let before = report.problem_count();
        let Some(target) = target::read(&item, several) else {
            continue;
        };
        if let Some(name) = &target.name
            && let Some(first) = names.insert(name.clone(), item.path().to_owned())
        {
            item.problem(format!("has the same name as {first}: `{name}`"));
        }
        if report.problem_count() == before {
            targets.push((item, target));
        }
    }
    targets
}

/// Reads `overrides` and checks them against the targets.
fn overrides(root: &Section<'_>, targets: &[(Node<'_>, TargetConfig)]) -> OverridesConfig {
    let targets: Vec<_> = targets.iter().map(|(_, target)| target).collect();
    root.get("overrides")
        .map_or_else(OverridesConfig::default, |node| {
            overrides::read(&node, &targets)
        })
}

/// Reads `stale_after` and checks it against each target.
fn stale_after(root: &Section<'_>, targets: &[(Node<'_>, TargetConfig)]) -> Duration {
    let node = root.get("stale_after");
    let stale_after = match &node {
        Some(node) => node.duration(STALE_AFTER_RANGE),
        None => Some(STALE_AFTER),
    };
    let Some(stale_after) = stale_after else {
        return STALE_AFTER;
    };
    for (target_node, target) in targets {
        let at = node
            .clone()
            .unwrap_or_else(|| target_node.for_unset_key("stale_after"));
        check_stale_after(&at, target_node.path(), target, stale_after);
    }
    stale_after
}

/// Reports to `at` when a healthy target would turn stale. `path` is the key of the target.
fn check_stale_after(at: &Node<'_>, path: &str, target: &TargetConfig, stale_after: Duration) {
    let (least, why) = match &target.mode {
        Mode::Watch(_) => (
            MIN_WATCH_STALE_AFTER,
            "a quiet watch gets one bookmark a minute",
        ),
        Mode::PollJobs { poll, .. } | Mode::PollLists { poll, .. } => {
            (poll.interval * 2, "twice its poll interval")
        }
    };
    if stale_after < least {
        let (least, is) = (duration::format(least), duration::format(stale_after));
        let target = if path.is_empty() { "the target" } else { path };
        at.problem(format!(
            "must be at least {least} for {target} ({why}), is {is}"
        ));
    }
}
