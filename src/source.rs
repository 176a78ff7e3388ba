//! Keeps the store up to date with the objects of one target.
//!
//! [`Source::start`] registers the feeds of its mode with the store and returns the tasks that read them. The tasks never
//! end: after a failure they wait and try again.
//!
//! - `reader`: lists one kind of object in one scope, and decodes its objects
//! - `watch`: lists once, then watches
//! - `poll`: reads again and again on an interval: whole lists, or single configured Jobs
//! - `probe`: polls single Jobs on demand, for `/probe` ([`JobProber`])
//! - `job_status`: reads the status of one Job from a response
//! - `feed_reporter`: pushes updates to the store, and logs when the target goes down or up, and what is skipped

use std::{pin::Pin, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::{
    client::{Api, Listing, Scope},
    config::{Config, JobReference, ListLimits, Mode, Namespaces, PollConfig, Scopes, Selection},
    decode::{Decoder, MetadataFilter},
    model::{FeedScope, Sink},
};

mod feed_reporter;
mod job_status;
mod poll;
mod probe;
mod reader;
mod watch;

use feed_reporter::{FeedReporter, TargetLog};
use poll::{JobPoll, JobPolls, ListPoll, Poller};
use reader::{CronJobs, Jobs, Pods, ResourceReader, WatchedResource};
use watch::Watch;

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
        }
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

    /// Registers all feeds, and returns the tasks that read them once they run.
    #[must_use]
    pub fn start(self) -> Vec<Task> {
        match self.settings.mode.clone() {
            Mode::Watch(selection) => self.watch(&selection),
            Mode::PollLists { selection, poll } => vec![self.poll_lists(&selection, poll)],
            Mode::PollJobs { jobs, poll } => vec![self.poll_jobs(jobs, poll)],
        }
    }

    fn watch(&self, selection: &Selection) -> Vec<Task> {
        let tasks = scopes(selection).into_iter().flat_map(|scope| {
            let (tell, jobs_read) = oneshot::channel();
            let jobs = self.reader::<Jobs>(selection, &scope).telling(tell);
            let jobs = Watch::new(jobs, &self.settings);
            let cronjobs = Watch::new(self.reader::<CronJobs>(selection, &scope), &self.settings);
            let pods = selection
                .pods
                .then(|| Watch::new(self.reader::<Pods>(selection, &scope), &self.settings));
            let pods = pods.map(|pods| {
                let run = async {
                    // Pods whose Jobs are known need no memory of their own. If nobody tells, they have to do.
                    let _ = jobs_read.await;
                    pods.run().await;
                };
                self.task(&format!("watch of pods in {scope}"), run)
            });
            let tasks = [
                self.task(&format!("watch of jobs in {scope}"), jobs.run()),
                self.task(&format!("watch of cronjobs in {scope}"), cronjobs.run()),
            ];
            tasks.into_iter().chain(pods)
        });
        tasks.collect()
    }

    fn poll_lists(&self, selection: &Selection, poll: PollConfig) -> Task {
        let lists = scopes(selection).into_iter().flat_map(|scope| {
            let pods = selection
                .pods
                .then(|| ListPoll::Pods(self.reader(selection, &scope)));
            let lists = [
                ListPoll::Jobs(self.reader(selection, &scope)),
                ListPoll::CronJobs(self.reader(selection, &scope)),
            ];
            lists.into_iter().chain(pods)
        });
        self.task("polling", Poller::new(poll, lists).run())
    }

    fn poll_jobs(&self, jobs: Vec<JobReference>, poll: PollConfig) -> Task {
        let decoder = Arc::new(Mutex::new(self.decoder()));
        let jobs = jobs.into_iter().map(|job| {
            let scope = FeedScope::Job {
                namespace: job.namespace.as_str().into(),
                name: job.name.as_str().into(),
            };
            JobPoll {
                api: self.api.clone(),
                feed: self.feed(scope),
                job,
                decoder: decoder.clone(),
                limits: self.settings.limits,
            }
        });
        let items = JobPolls::items(jobs.collect(), poll.by_list);
        self.task("polling", Poller::new(poll, items).run())
    }

    /// A reader of one kind of object, with a feed of its own.
    fn reader<R: WatchedResource>(
        &self,
        selection: &Selection,
        scope: &Scope,
    ) -> ResourceReader<R> {
        let listing = Listing {
            resource: R::RESOURCE,
            scope: scope.clone(),
            label_selector: R::label_selector(selection),
            field_selector: R::FIELD_SELECTOR,
        };
        let namespaces: Arc<Namespaces> = Arc::new(selection.namespaces.clone());
        let namespace = match scope {
            Scope::All => None,
            Scope::Namespace(name) => Some(name.as_str().into()),
        };
        ResourceReader::new(
            self.api.clone(),
            self.feed(R::feed_scope(namespace)),
            listing,
            namespaces,
            self.decoder(),
            self.settings.limits,
        )
    }

    fn feed(&self, scope: FeedScope) -> FeedReporter {
        let log = match scope {
            FeedScope::Pods(_) => &self.log_of_pods,
            FeedScope::Jobs(_) | FeedScope::CronJobs(_) | FeedScope::Job { .. } => &self.log,
        };
        let handle = self.sink.clone().register(scope);
        FeedReporter::new(handle, log.clone())
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

/// The scopes to request: the named namespaces, or all if a pattern is among them.
fn scopes(selection: &Selection) -> Vec<Scope> {
    match selection.namespaces.scopes() {
        Scopes::All => vec![Scope::All],
        Scopes::Named(names) => names.into_iter().map(Scope::Namespace).collect(),
    }
}
