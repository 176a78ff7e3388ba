//! What is read of a target, in words.

use super::counted;
use crate::{
    config::{Mode, Namespaces, Pattern, Selection},
    model::{FeedScope, Shard, ShardReading},
};

/// How a target is read: `watch`, `poll of configured Jobs` or `poll of lists`.
#[must_use]
pub fn mode(mode: &Mode) -> &'static str {
    match mode {
        Mode::Watch(_) => "watch",
        Mode::PollJobs { .. } => "poll of configured Jobs",
        Mode::PollLists { .. } => "poll of lists",
    }
}

/// What is read of a target: `2 configured Jobs`, `all namespaces`, `namespaces billing, etl-* except etl-scratch, labels
/// tier=batch`.
#[must_use]
pub fn scope(mode: &Mode) -> String {
    match mode {
        Mode::PollJobs { jobs, .. } => counted(jobs.len() as u64, "configured Job"),
        Mode::Watch(selection) | Mode::PollLists { selection, .. } => selected(selection),
    }
}

/// Which shard reads a target, and how: `1 of 4, owns 12 namespaces: the server selects them`.
#[must_use]
pub fn shard(shard: Shard, reading: Option<(ShardReading, Option<usize>)>) -> String {
    let mut text = format!("{} of {}", shard.index(), shard.shards());
    let Some((reading, namespaces)) = reading else {
        return text;
    };
    if let Some(namespaces) = namespaces {
        let namespaces = counted(namespaces as u64, "namespace");
        text = format!("{text}, owns {namespaces}");
    }
    let how = match reading {
        ShardReading::Selector => "the server selects them",
        ShardReading::Namespaces => "each is read on its own",
        ShardReading::Skipping => "everything is received, and the rest skipped",
    };
    format!("{text}: {how}")
}

fn selected(selection: &Selection) -> String {
    let Namespaces { include, exclude } = &selection.namespaces;
    let mut text = match &include[..] {
        [] => "all namespaces".to_owned(),
        [one] if one.is_exact() => format!("namespace {one}"),
        several => format!("namespaces {}", list(several)),
    };
    if !exclude.is_empty() {
        text = format!("{text} except {}", list(exclude));
    }
    if let Some(selector) = &selection.label_selector {
        text = format!("{text}, labels {selector}");
    }
    if selection.pods {
        text.push_str(", with pods");
    }
    text
}

fn list(patterns: &[Pattern]) -> String {
    let patterns: Vec<_> = patterns.iter().map(Pattern::as_str).collect();
    patterns.join(", ")
}

/// What a feed covers: `Jobs`, `CronJobs in billing`, `Job reports/nightly-report`.
#[must_use]
pub fn feed(scope: &FeedScope) -> String {
    match scope {
        FeedScope::Jobs(None) => "Jobs".to_owned(),
        FeedScope::Jobs(Some(namespace)) => format!("Jobs in {namespace}"),
        FeedScope::CronJobs(None) => "CronJobs".to_owned(),
        FeedScope::CronJobs(Some(namespace)) => format!("CronJobs in {namespace}"),
        FeedScope::Pods(None) => "Pods".to_owned(),
        FeedScope::Pods(Some(namespace)) => format!("Pods in {namespace}"),
        FeedScope::Namespaces => "Namespaces".to_owned(),
        FeedScope::Job { namespace, name } => format!("Job {namespace}/{name}"),
    }
}
