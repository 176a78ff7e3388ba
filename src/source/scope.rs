//! The feeds of one scope, and the watches that read them.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{
    Source, Task,
    reader::{CronJobs, Jobs, Pods, ResourceReader, WatchedResource},
    watch::Watch,
};
use crate::{client::Scope, config::Selection, model::FeedHandle};

/// The feeds of one scope.
#[derive(Clone, Debug)]
pub(super) struct ScopeFeeds {
    pub(super) jobs: FeedHandle,
    pub(super) cronjobs: FeedHandle,
    /// `None` unless pods are read.
    pub(super) pods: Option<FeedHandle>,
}

/// The watches of one scope.
pub(super) struct Watches {
    pub(super) tasks: Vec<Task>,
    /// Each tells once that its watch has read everything.
    pub(super) first_reads: Vec<oneshot::Receiver<()>>,
}

/// How the watches of one scope differ from others.
#[derive(Clone, Debug, Default)]
pub(super) struct WatchOptions {
    /// What the server selects, if it can.
    pub(super) shard_selector: Option<Arc<str>>,
    /// Whether the feeds were read before.
    pub(super) continuing: bool,
}

impl ScopeFeeds {
    /// Registers the feeds of this scope.
    pub(super) fn register(source: &Source, selection: &Selection, scope: &Scope) -> Self {
        fn register<R: WatchedResource>(source: &Source, scope: &Scope) -> FeedHandle {
            let namespace = match scope {
                Scope::All => None,
                Scope::Namespace(name) => Some(name.as_str().into()),
            };
            source.sink.clone().register(R::feed_scope(namespace))
        }
        Self {
            jobs: register::<Jobs>(source, scope),
            cronjobs: register::<CronJobs>(source, scope),
            pods: selection.pods.then(|| register::<Pods>(source, scope)),
        }
    }

    /// Ends the feeds.
    pub(super) fn retire(self) {
        let Self {
            jobs,
            cronjobs,
            pods,
        } = self;
        for feed in [jobs, cronjobs].into_iter().chain(pods) {
            feed.retire();
        }
    }
}

/// The watches of one scope, which push to these feeds.
pub(super) fn watches(
    source: &Source,
    selection: &Selection,
    scope: &Scope,
    feeds: &ScopeFeeds,
    options: &WatchOptions,
) -> Watches {
    let mut first_reads = Vec::new();
    let mut listener = || {
        let (tell, told) = oneshot::channel();
        first_reads.push(told);
        tell
    };
    let (tell, jobs_read) = oneshot::channel();
    let jobs = reader::<Jobs>(source, selection, scope, &feeds.jobs, options);
    let jobs = jobs.telling(tell).telling(listener());
    let cronjobs = reader::<CronJobs>(source, selection, scope, &feeds.cronjobs, options);
    let cronjobs = cronjobs.telling(listener());
    let pods = feeds.pods.as_ref().map(|feed| {
        let pods = reader::<Pods>(source, selection, scope, feed, options);
        let pods = Watch::new(pods, &source.settings);
        let run = async {
            // Pods whose Jobs are known need no memory of their own. If nobody tells, they have to do.
            let _ = jobs_read.await;
            pods.run().await;
        };
        source.task(&format!("watch of pods in {scope}"), run)
    });
    let jobs = Watch::new(jobs, &source.settings);
    let cronjobs = Watch::new(cronjobs, &source.settings);
    let tasks = [
        source.task(&format!("watch of jobs in {scope}"), jobs.run()),
        source.task(&format!("watch of cronjobs in {scope}"), cronjobs.run()),
    ];
    Watches {
        tasks: tasks.into_iter().chain(pods).collect(),
        first_reads,
    }
}

fn reader<R: WatchedResource>(
    source: &Source,
    selection: &Selection,
    scope: &Scope,
    feed: &FeedHandle,
    options: &WatchOptions,
) -> ResourceReader<R> {
    let mut reader = source.reader::<R>(selection, scope, feed.clone());
    reader
        .listing
        .shard_selector
        .clone_from(&options.shard_selector);
    if options.continuing {
        reader = reader.continuing();
    }
    reader
}
