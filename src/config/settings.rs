//! The whole: the root of the tree, and the checks that concern several keys.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use super::{
    Endpoint, Error, Kubernetes, Mode, Selection, Settings, Target, Web, duration,
    reader::{Node, Report},
    target,
    tree::Tree,
    web,
};

/// For how long deleted Jobs are kept unless the configuration says so.
const RETAIN_DELETED: Duration = Duration::from_mins(2);
/// When data is stale unless the configuration says so.
const STALE_AFTER: Duration = Duration::from_mins(10);
/// What `retain_deleted` may be.
const RETENTIONS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(7 * 24);
/// What `stale_after` may be.
const STALENESS: RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_hours(7 * 24);
/// A quiet watch is confirmed by bookmarks alone, which come about once a minute: one may be missed.
const WATCH_STALENESS: Duration = Duration::from_mins(2);

/// Gives `tree` its meaning.
pub(super) fn read(tree: &Tree) -> Result<Settings, Error> {
    let report = Report::default();
    let settings = root(&Node::root(tree, &report), &report);
    let (problems, warnings) = report.into_parts();
    match settings {
        Some(settings) if problems.is_empty() => Ok(Settings {
            warnings,
            ..settings
        }),
        _ => Err(Error::new(problems)),
    }
}

/// Reads the root. `None` only when it is not a map.
fn root(node: &Node<'_>, report: &Report) -> Option<Settings> {
    let root = node.section()?;
    let web = root
        .get("web")
        .map_or_else(Web::default, |node| web::read(&node));
    let targets = match root.find("targets") {
        Some(node) => targets(&node, report),
        None => vec![(node.clone(), default_target())],
    };
    let retain_deleted = root
        .get("retain_deleted")
        .and_then(|node| node.duration(RETENTIONS))
        .unwrap_or(RETAIN_DELETED);
    let stale_node = root.get("stale_after");
    let stale_after = match &stale_node {
        Some(node) => node.duration(STALENESS),
        None => Some(STALE_AFTER),
    };
    for (node, target) in &targets {
        let at = stale_node
            .clone()
            .unwrap_or_else(|| node.instead_of("stale_after"));
        if let Some(stale_after) = stale_after {
            check_staleness(&at, node.path(), target, stale_after);
        }
    }
    Some(Settings {
        web,
        targets: targets.into_iter().map(|(_, target)| target).collect(),
        retain_deleted,
        stale_after: stale_after.unwrap_or(STALE_AFTER),
        warnings: Vec::new(),
    })
}

/// What is read when nothing is said.
fn default_target() -> Target {
    Target {
        name: None,
        endpoint: Endpoint::Kubernetes(Kubernetes::default()),
        mode: Mode::Watch(Selection::default()),
    }
}

impl Default for Settings {
    /// What holds when nothing is configured: everything in the cluster that kubectl would talk to.
    fn default() -> Self {
        Self {
            web: Web::default(),
            targets: vec![default_target()],
            retain_deleted: RETAIN_DELETED,
            stale_after: STALE_AFTER,
            warnings: Vec::new(),
        }
    }
}

/// Reads `targets`. Those with problems are left out: a check against a default in place of a wrong value would mislead.
fn targets<'a>(node: &Node<'a>, report: &Report) -> Vec<(Node<'a>, Target)> {
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

/// Reports to `at` when the data of the target at `path` would be stale although all is well.
fn check_staleness(at: &Node<'_>, path: &str, target: &Target, stale_after: Duration) {
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
