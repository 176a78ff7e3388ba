//! Keeps the store up to date with the objects of one target.
//!
//! [`Source::start`] registers the feeds of its mode with the store and returns the tasks that read them. The tasks never
//! end: after a failure they wait and try again.
//!
//! - `reader`: lists one kind of object in one scope, and decodes its objects
//! - `watch`: lists once, then watches
//! - `scope`: the feeds and the watches of one scope
//! - `shards`: watches the namespaces of one shard
//! - `poll`: reads again and again on an interval: whole lists, or single configured Jobs
//! - `probe`: polls single Jobs on demand, for `/probe` ([`JobProber`])
//! - `job_status`: reads the status of one Job from a response
//! - `feed_reporter`: pushes updates to the store, and logs when the target goes down or up, and what is skipped

use std::{future::pending, pin::Pin, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;

use crate::{
    client::{Api, Listing, Scope},
    config::{Config, JobReference, ListLimits, Mode, PollConfig, Scopes, Selection},
    decode::{Decoder, MetadataFilter},
    model::{FeedHandle, FeedScope, Resource, Shard, ShardReading, Sink},
};

mod feed_reporter;
mod job_status;
mod poll;
mod probe;
mod reader;
mod scope;
mod shards;
mod watch;

use feed_reporter::{FeedReporter, TargetLog};
use poll::{JobPoll, JobPolls, ListPoll, Poller};
use reader::{ResourceReader, WatchedResource};
use scope::{ScopeFeeds, WatchOptions};
use shards::ShardedWatch;

pub use probe::{JobProber, ProbeRefusal, ProbeSettings};

/// API servers send a bookmark about every minute. One may be late, or lost when a watch restarts.
///
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#watch-bookmarks>
const MAX_SILENCE: Duration = Duration::from_secs(150);

/// What a source reads, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSettings {
    /// Watch or poll, and which objects.
    pub mode: Mode,
    /// Which labels and annotations of objects are kept.
    pub metadata: Arc<MetadataFilter>,
    /// When the store drops what was not confirmed. Watches end early enough to confirm it before that.
    pub stale_after: Duration,
    /// How long a watch may receive nothing from a server that sends bookmarks. Then its connection counts as dead.
    pub max_silence: Duration,
    /// How large a list may be.
    pub limits: ListLimits,
    /// Only the namespaces of this shard are read; `None` for all.
    pub shard: Option<Shard>,
}

/// Reads one target.
pub struct Source {
    /// The target's name in log lines.
    target: String,
    settings: SourceSettings,
    api: Arc<Api>,
    sink: Arc<dyn Sink>,
    log: Arc<TargetLog>,
    log_of_pods: Arc<TargetLog>,
}

/// A part of a source that runs as long as the process.
pub struct Task {
    /// Names the task in the error should it ever end.
    pub name: String,
    /// What to run.
    pub run: BoxedTask,
}

type BoxedTask = Pin<Box<dyn Future<Output = ()> + Send>>;

impl SourceSettings {
    /// The settings of a target that is read in this `mode`.
    #[must_use]
    pub fn from_config(config: &Config, mode: Mode) -> Self {
        Self {
            mode,
            metadata: Arc::new(MetadataFilter::from_config(config)),
            stale_after: config.stale_after,
            max_silence: MAX_SILENCE,
            limits: config.limits.list,
            shard: config.sharding.filter(|shard| !shard.is_only()),
        }
    }

    /// Whether there is nothing to read: all that the configuration names is of other shards.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.mode {
            Mode::Watch(selection) | Mode::PollLists { selection, .. } => {
                self.scopes(selection).is_empty()
            }
            Mode::PollJobs { jobs, .. } => !jobs.iter().any(|job| self.owns(&job.namespace)),
        }
    }

    /// The scopes to request: the named namespaces, or all if a pattern is among them.
    fn scopes(&self, selection: &Selection) -> Vec<Scope> {
        match selection.namespaces.scopes() {
            Scopes::All => vec![Scope::All],
            Scopes::Named(names) => {
                let own = names.into_iter().filter(|name| self.owns(name));
                own.map(Scope::Namespace).collect()
            }
        }
    }

    fn owns(&self, namespace: &str) -> bool {
        self.shard.is_none_or(|shard| shard.owns(namespace))
    }
}

impl Source {
    /// A source that reads from `api` and pushes to `sink`. `target` names the target in log lines.
    #[must_use]
    pub fn new(
        target: String,
        settings: SourceSettings,
        api: Arc<Api>,
        sink: Arc<dyn Sink>,
    ) -> Self {
        Self {
            target,
            settings,
            api,
            sink,
            log: Arc::new(TargetLog::of_target()),
            log_of_pods: Arc::new(TargetLog::of_pods()),
        }
    }

    /// Registers all feeds that are known, and returns the tasks that read them once they run.
    #[must_use]
    pub fn start(self) -> Vec<Task> {
        match self.settings.mode.clone() {
            Mode::Watch(selection) => self.watch(selection),
            Mode::PollLists { selection, poll } => vec![self.poll_lists(&selection, poll)],
            Mode::PollJobs { jobs, poll } => vec![self.poll_jobs(jobs, poll)],
        }
    }

    fn watch(self, selection: Selection) -> Vec<Task> {
        let scopes = self.settings.scopes(&selection);
        if let Some(shard) = self.settings.shard {
            if scopes == [Scope::All] {
                return vec![ShardedWatch::start(self, selection, shard)];
            }
            let namespaces = Some(scopes.len());
            self.sink
                .set_shard_reading(ShardReading::Namespaces, namespaces);
        }
        let tasks = scopes.iter().flat_map(|scope| {
            let feeds = ScopeFeeds::register(&self, &selection, scope);
            scope::watches(&self, &selection, scope, &feeds, &WatchOptions::default()).tasks
        });
        tasks.collect()
    }

    fn poll_lists(&self, selection: &Selection, poll: PollConfig) -> Task {
        let scopes = self.settings.scopes(selection);
        if self.settings.shard.is_some() {
            let (reading, namespaces) = match scopes.as_slice() {
                [Scope::All] => (ShardReading::Skipping, None),
                named => (ShardReading::Namespaces, Some(named.len())),
            };
            self.sink.set_shard_reading(reading, namespaces);
        }
        let lists = scopes.into_iter().flat_map(|scope| {
            let ScopeFeeds {
                jobs,
                cronjobs,
                pods,
            } = ScopeFeeds::register(self, selection, &scope);
            let pods = pods.map(|pods| ListPoll::Pods(self.reader(selection, &scope, pods)));
            let lists = [
                ListPoll::Jobs(self.reader(selection, &scope, jobs)),
                ListPoll::CronJobs(self.reader(selection, &scope, cronjobs)),
            ];
            lists.into_iter().chain(pods)
        });
        self.task("polling", Poller::new(poll, lists).run())
    }

    fn poll_jobs(&self, jobs: Vec<JobReference>, poll: PollConfig) -> Task {
        let decoder = Arc::new(Mutex::new(self.decoder()));
        let own = jobs
            .into_iter()
            .filter(|job| self.settings.owns(&job.namespace));
        let jobs = own.map(|job| {
            let scope = FeedScope::Job {
                namespace: job.namespace.as_str().into(),
                name: job.name.as_str().into(),
            };
            JobPoll {
                api: self.api.clone(),
                feed: FeedReporter::new(self.sink.clone().register(scope), self.log.clone()),
                job,
                decoder: decoder.clone(),
                limits: self.settings.limits,
            }
        });
        let items = JobPolls::items(jobs.collect(), poll.by_list);
        self.task("polling", Poller::new(poll, items).run())
    }

    /// A reader of one kind of object for this feed.
    fn reader<R: WatchedResource>(
        &self,
        selection: &Selection,
        scope: &Scope,
        feed: FeedHandle,
    ) -> ResourceReader<R> {
        let listing = Listing {
            resource: R::RESOURCE,
            scope: scope.clone(),
            label_selector: R::label_selector(selection),
            field_selector: R::FIELD_SELECTOR,
            shard_selector: None,
        };
        let log = match R::RESOURCE {
            Resource::Pods => &self.log_of_pods,
            Resource::Jobs | Resource::CronJobs | Resource::Namespaces => &self.log,
        };
        ResourceReader::new(
            self.api.clone(),
            FeedReporter::new(feed, log.clone()),
            listing,
            Arc::new(selection.namespaces.clone()),
            self.decoder(),
            self.settings.limits,
        )
        .of_shard(self.settings.shard)
    }

    fn decoder(&self) -> Decoder {
        Decoder::new(self.settings.metadata.clone())
    }

    fn task(&self, name: &str, run: impl Future<Output = ()> + Send + 'static) -> Task {
        let span = tracing::info_span!("source", target = self.target);
        Task {
            name: format!("{name} of target {}", self.target),
            run: Box::pin(run.instrument(span)),
        }
    }
}

/// Waits for `instant`, or for ever if there is none.
async fn wait_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}
