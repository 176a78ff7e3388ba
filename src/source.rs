//! Follows or polls the objects of one target and pushes what it sees.
//!
//! [`Source::feeds`] says what streams of facts a mode has, so that the store can be set up; [`Source::start`] gives the
//! tasks that keep them up to date. The tasks never end: whatever fails is waited for and tried again.

use std::{pin::Pin, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tracing::Instrument as _;

use crate::{
    client::{Api, Listing, Scope},
    config::{Mode, Namespaces, Scopes, Selection},
    decode::{Decoder, MetadataFilter},
    model::{FeedId, FeedScope, Resource, Sink},
    server::readiness::Readiness,
};

mod configured;
mod health;
mod items;
mod kind;
mod list;
mod poll;
mod reader;
mod watch;

use configured::{JobPoll, JobPolls};
use health::Health;
use items::Lists;
use kind::{CronJobs, Jobs, Kind};
use poll::Poller;
use reader::ResourceReader;
use watch::Watch;

/// What keeps one target's facts up to date.
#[derive(Debug)]
pub struct Source {
    target: String,
    mode: Mode,
    wanted: Arc<MetadataFilter>,
    stale_after: Duration,
}

/// A part of a source that runs for as long as the process does.
pub struct Task {
    /// For the message should it ever end.
    pub name: String,
    /// What to run.
    pub run: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// What the feeds of a target have in common.
struct Context {
    api: Arc<Api>,
    health: Arc<Health>,
    selection: Selection,
    namespaces: Arc<Namespaces>,
    wanted: Arc<MetadataFilter>,
}

impl Source {
    /// The source for a target that people call `target`.
    #[must_use]
    pub fn new(
        target: String,
        mode: Mode,
        wanted: Arc<MetadataFilter>,
        stale_after: Duration,
    ) -> Self {
        Self {
            target,
            mode,
            wanted,
            stale_after,
        }
    }

    /// The feeds of this source. Their order gives them their [`FeedId`]s.
    #[must_use]
    pub fn feeds(&self) -> Vec<FeedScope> {
        match &self.mode {
            Mode::PollJobs { jobs, .. } => {
                let job = |job: &crate::config::JobReference| FeedScope::Job {
                    namespace: job.namespace.as_str().into(),
                    name: job.name.as_str().into(),
                };
                jobs.iter().map(job).collect()
            }
            Mode::Watch(selection) | Mode::PollLists { selection, .. } => scopes(selection)
                .iter()
                .flat_map(|_| [FeedScope::Jobs, FeedScope::CronJobs])
                .collect(),
        }
    }

    /// The tasks of this source: they read from `api` and push to `sink`.
    #[must_use]
    pub fn start(self, api: Arc<Api>, sink: Arc<dyn Sink>, readiness: Arc<Readiness>) -> Vec<Task> {
        let feeds = self.feeds().len();
        let health = Arc::new(Health::new(self.target.clone(), feeds, sink, readiness));
        let span = tracing::info_span!("source", target = self.target);
        let task = |name: String, run: Pin<Box<dyn Future<Output = ()> + Send>>| Task {
            name: format!("{name} of target {}", self.target),
            run: Box::pin(run.instrument(span.clone())),
        };
        match self.mode {
            Mode::Watch(selection) => {
                let context = Context::new(api, health, selection, self.wanted);
                let watches = context.each_scope(|context, number, scope| {
                    let jobs = context.feed::<Jobs>(number, scope.clone());
                    let cronjobs = context.feed::<CronJobs>(number + 1, scope.clone());
                    let (jobs, cronjobs) = (
                        Watch::new(jobs, self.stale_after),
                        Watch::new(cronjobs, self.stale_after),
                    );
                    [
                        task(format!("watch of jobs in {scope}"), Box::pin(jobs.run())),
                        task(
                            format!("watch of cronjobs in {scope}"),
                            Box::pin(cronjobs.run()),
                        ),
                    ]
                });
                watches.collect()
            }
            Mode::PollLists { selection, poll } => {
                let context = Context::new(api, health, selection, self.wanted);
                let items = context.each_scope(|context, number, scope| {
                    let jobs = context.feed::<Jobs>(number, scope.clone());
                    [
                        Lists::Jobs(jobs),
                        Lists::CronJobs(context.feed::<CronJobs>(number + 1, scope)),
                    ]
                });
                vec![task(
                    "polling".to_owned(),
                    Box::pin(Poller::new(poll, items).run()),
                )]
            }
            Mode::PollJobs { jobs, poll } => {
                let decoder = Arc::new(Mutex::new(Decoder::new(self.wanted)));
                let item = |(id, job): (u32, crate::config::JobReference)| JobPoll {
                    id: FeedId(id),
                    api: api.clone(),
                    health: health.clone(),
                    namespace: job.namespace,
                    name: job.name,
                    decoder: decoder.clone(),
                };
                let jobs = (0..).zip(jobs).map(item).collect();
                let items = JobPolls::items(jobs, poll.by_list);
                vec![task(
                    "polling".to_owned(),
                    Box::pin(Poller::new(poll, items).run()),
                )]
            }
        }
    }
}

impl Context {
    fn new(
        api: Arc<Api>,
        health: Arc<Health>,
        selection: Selection,
        wanted: Arc<MetadataFilter>,
    ) -> Self {
        let namespaces = Arc::new(selection.namespaces.clone());
        Self {
            api,
            health,
            selection,
            namespaces,
            wanted,
        }
    }

    /// Calls `make` for each scope with the number of the first of its two feeds.
    fn each_scope<T>(&self, make: impl Fn(&Self, u32, Scope) -> [T; 2]) -> impl Iterator<Item = T> {
        (0..)
            .step_by(2)
            .zip(scopes(&self.selection))
            .flat_map(move |(number, scope)| make(self, number, scope))
    }

    fn feed<K: Kind>(&self, number: u32, scope: Scope) -> ResourceReader<K> {
        let resource: Resource = K::RESOURCE;
        let listing = Listing {
            resource,
            scope,
            label_selector: self.selection.label_selector.clone(),
        };
        ResourceReader::new(
            FeedId(number),
            self.api.clone(),
            self.health.clone(),
            listing,
            self.namespaces.clone(),
            Decoder::new(self.wanted.clone()),
        )
    }
}

fn scopes(selection: &Selection) -> Vec<Scope> {
    match selection.namespaces.scopes() {
        Scopes::All => vec![Scope::All],
        Scopes::Named(names) => names.into_iter().map(Scope::Namespace).collect(),
    }
}
