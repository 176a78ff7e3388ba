//! The whole: the root of the tree, and the checks that concern several keys.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use kube_cron::Zone;

use super::{
    Config, EndpointConfig, Error, KubernetesConfig, LabelsConfig, MetricsConfig, Mode, Selection,
    TargetConfig, ThresholdsConfig, WebConfig, duration, history, labels, metrics,
    reader::{Node, Report, Section},
    target, thresholds,
    tree::Tree,
    web,
};

/// For how long deleted Jobs are kept unless the configuration says so.
const RETAIN_DELETED: Duration = Duration::from_mins(2);
/// For how long workloads without Jobs are kept unless the configuration says so.
const RETAIN_WORKLOADS: Duration = Duration::from_hours(1);
/// When data is stale unless the configuration says so.
const STALE_AFTER: Duration = Duration::from_mins(10);
/// What `retain_deleted` may be.
const RETENTIONS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(7 * 24);
/// What `retain_workloads` may be: workloads that run once a year can be kept from run to run.
const WORKLOAD_RETENTIONS: RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_hours(366 * 24);
/// What `stale_after` may be.
const STALENESS: RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_hours(7 * 24);
/// A quiet watch is confirmed by bookmarks alone, which come about once a minute: one may be missed.
const WATCH_STALENESS: Duration = Duration::from_mins(2);

/// Gives `tree` its meaning.
pub(super) fn read(tree: &Tree) -> Result<Config, Error> {
    let report = Report::default();
    let settings = root(&Node::root(tree, &report), &report);
    let (problems, warnings) = report.into_parts();
    match settings {
        Some(settings) if problems.is_empty() => Ok(Config {
            warnings,
            ..settings
        }),
        _ => Err(Error::new(problems)),
    }
}

/// Reads the root. `None` only when it is not a map.
fn root(node: &Node<'_>, report: &Report) -> Option<Config> {
    let root = node.section()?;
    let web = root.get("web").map(|node| web::read(&node));
    let targets = match root.find("targets") {
        Some(node) => targets(&node, report),
        None => vec![(node.clone(), default_target())],
    };
    let retention = |key, range| root.get(key)?.duration(range);
    Some(Config {
        web: web.unwrap_or_default(),
        labels: labels::read(&root),
        workload_label: root
            .get("workload_label")
            .and_then(|node| labels::workload_label(&node)),
        thresholds: root
            .get("thresholds")
            .map_or_else(ThresholdsConfig::default, |node| thresholds::read(&node)),
        retain_deleted: retention("retain_deleted", RETENTIONS).unwrap_or(RETAIN_DELETED),
        retain_workloads: retention("retain_workloads", WORKLOAD_RETENTIONS)
            .unwrap_or(RETAIN_WORKLOADS),
        stale_after: stale_after(&root, &targets),
        history: root.get("history").and_then(|node| history::read(&node)),
        metrics: root
            .get("metrics")
            .map_or_else(MetricsConfig::default, |node| metrics::read(&node)),
        targets: targets.into_iter().map(|(_, target)| target).collect(),
        warnings: Vec::new(),
    })
}

/// What is read when nothing is said.
fn default_target() -> TargetConfig {
    TargetConfig {
        name: None,
        endpoint: EndpointConfig::Kubernetes(KubernetesConfig::default()),
        mode: Mode::Watch(Selection::default()),
        controller_time_zone: Zone::default(),
    }
}

impl Default for Config {
    /// What holds when nothing is configured: everything in the cluster that kubectl would talk to.
    fn default() -> Self {
        Self {
            web: WebConfig::default(),
            targets: vec![default_target()],
            labels: LabelsConfig::default(),
            workload_label: None,
            thresholds: ThresholdsConfig::default(),
            retain_deleted: RETAIN_DELETED,
            retain_workloads: RETAIN_WORKLOADS,
            stale_after: STALE_AFTER,
            history: None,
            metrics: MetricsConfig::default(),
            warnings: Vec::new(),
        }
    }
}

/// Reads `targets`. Those with problems are left out: a check against a default in place of a wrong value would mislead.
fn targets<'a>(node: &Node<'a>, report: &Report) -> Vec<(Node<'a>, TargetConfig)> {
    let Some(items) = node.items() else {
        return Vec::new();
    };
    if items.is_empty() {
        node.problem_with_hint(
            "names no target",
            "leave it out to watch the cluster that kubectl would use",
        );
    }
    let several = items.len() > 1;
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut targets = Vec::new();
    for item in items {
        let before = report.problems();
        let Some(target) = target::read(&item, several) else {
            continue;
        };
        if let Some(name) = &target.name
            && let Some(first) = names.insert(name.clone(), item.path().to_owned())
        {
            item.problem(format!("has the same name as {first}: `{name}`"));
        }
        if report.problems() == before {
            targets.push((item, target));
        }
    }
    targets
}

/// Reads `stale_after`, which has to suit each of `targets`.
fn stale_after(root: &Section<'_>, targets: &[(Node<'_>, TargetConfig)]) -> Duration {
    let node = root.get("stale_after");
    let stale_after = match &node {
        Some(node) => node.duration(STALENESS),
        None => Some(STALE_AFTER),
    };
    let Some(stale_after) = stale_after else {
        return STALE_AFTER;
    };
    for (place, target) in targets {
        let at = node
            .clone()
            .unwrap_or_else(|| place.instead_of("stale_after"));
        check_staleness(&at, place.path(), target, stale_after);
    }
    stale_after
}

/// Reports to `at` when the data of the target at `path` would be stale although all is well.
fn check_staleness(at: &Node<'_>, path: &str, target: &TargetConfig, stale_after: Duration) {
    let (least, why) = match &target.mode {
        Mode::Watch(_) => (
            WATCH_STALENESS,
            "a quiet watch is confirmed about once a minute",
        ),
        Mode::PollJobs { poll, .. } | Mode::PollLists { poll, .. } => {
            (poll.interval * 2, "twice its poll interval")
        }
    };
    if stale_after < least {
        let (least, is) = (duration::format(least), duration::format(stale_after));
        let target = if path.is_empty() { "the target" } else { path };
        at.problem(format!(
            "must be at least {least} for {target}: {why}; is {is}"
        ));
    }
}
