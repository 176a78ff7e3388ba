//! Runs the source of one target without the HTTP server: it reads an API over HTTP, and tests look into the store.

use std::{fmt::Debug, sync::Arc, time::Duration};

use job_status_exporter::{
    client::{Api, Endpoint, RateLimit},
    config::{JobReference, ListLimits, Mode, Namespaces, Pattern, PollConfig, Selection},
    metrics::{self, Format, Metrics},
    model::{Code, EventKind, Resource, RestartReason, Shard, Verb},
    server::readiness::{Readiness, State},
    source::{Source, SourceSettings},
    store::{Store, StoreSettings, TargetSnapshot, TargetStore},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// The timeout of [`Exporter::eventually`]. It is far longer than any step takes.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The usual time without an event or bookmark after which a watch counts as dead.
const MAX_SILENCE: Duration = Duration::from_secs(150);

/// A running source with its store. Dropping it stops the source.
pub(super) struct Exporter {
    pub(super) store: Arc<TargetStore>,
    pub(super) readiness: Arc<Readiness>,
    tasks: JoinSet<()>,
}

/// Default settings with a short interval and timeout.
pub(super) const POLL: PollConfig = PollConfig {
    interval: Duration::from_millis(200),
    timeout: Duration::from_secs(1),
    concurrency: 4,
    requests_per_second: 1000.0,
    by_list: false,
};

impl Exporter {
    pub(super) fn start(endpoint: Endpoint, mode: Mode) -> Self {
        Self::start_with(
            endpoint,
            mode,
            Duration::from_mins(2),
            Duration::from_mins(10),
        )
    }

    pub(super) fn start_with(
        endpoint: Endpoint,
        mode: Mode,
        deleted: Duration,
        stale_after: Duration,
    ) -> Self {
        let times = (deleted, stale_after, MAX_SILENCE);
        Self::start_source(endpoint, mode, times, ListLimits::default(), None)
    }

    /// Reads the namespaces of one shard.
    pub(super) fn start_shard(endpoint: Endpoint, mode: Mode, shard: Shard) -> Self {
        let times = (Duration::from_mins(2), Duration::from_mins(10), MAX_SILENCE);
        Self::start_source(endpoint, mode, times, ListLimits::default(), Some(shard))
    }

    /// Reads lists within these limits.
    pub(super) fn start_limited(endpoint: Endpoint, mode: Mode, limits: ListLimits) -> Self {
        let times = (Duration::from_mins(2), Duration::from_mins(10), MAX_SILENCE);
        Self::start_source(endpoint, mode, times, limits, None)
    }

    /// Watches everything. After this time without an event or bookmark, a watch counts as dead.
    pub(super) fn start_with_max_silence(endpoint: Endpoint, max_silence: Duration) -> Self {
        let times = (Duration::from_mins(2), Duration::from_mins(10), max_silence);
        Self::start_source(endpoint, everything(), times, ListLimits::default(), None)
    }

    fn start_source(
        endpoint: Endpoint,
        mode: Mode,
        (deleted, stale_after, max_silence): (Duration, Duration, Duration),
        limits: ListLimits,
        shard: Option<Shard>,
    ) -> Self {
        let limit = match &mode {
            Mode::Watch(_) => None,
            Mode::PollJobs { poll, .. } | Mode::PollLists { poll, .. } => {
                Some(RateLimit::new(poll.requests_per_second))
            }
        };
        let source = SourceSettings {
            mode,
            metadata: Arc::default(),
            stale_after,
            max_silence,
            limits,
            shard,
        };
        let mut settings = StoreSettings {
            pods: source.mode.reads_pods(),
            shard,
            reads_nothing: source.is_empty(),
            ..StoreSettings::default()
        };
        settings.retention.deleted = deleted;
        settings.retention.stale_after = stale_after;
        let store = Arc::new(TargetStore::new(None, Arc::new(settings)));
        let all_stores = Arc::new(Store::new(vec![store.clone()]));
        let readiness = Arc::new(Readiness::new(all_stores, Duration::from_hours(1)));
        let api = Arc::new(Api::new(endpoint, store.clone(), limit));
        let source = Source::new("tested".to_owned(), source, api, store.clone());
        let mut tasks = JoinSet::new();
        for task in source.start() {
            tasks.spawn(task.run);
        }
        Self {
            store,
            readiness,
            tasks,
        }
    }

    pub(super) fn snapshot(&self) -> TargetSnapshot {
        self.store.snapshot()
    }

    /// `namespace/name` of all Jobs in the store.
    pub(super) fn jobs(&self) -> Vec<String> {
        let snapshot = self.snapshot();
        let jobs = snapshot.jobs.iter();
        let mut jobs: Vec<_> = jobs
            .map(|job| format!("{}/{}", job.namespace(), job.name))
            .collect();
        jobs.sort();
        jobs
    }

    /// `namespace/name` of all `CronJobs` in the store.
    pub(super) fn cronjobs(&self) -> Vec<String> {
        let snapshot = self.snapshot();
        let cronjobs = snapshot.cronjobs.iter();
        let mut cronjobs: Vec<_> = cronjobs
            .map(|cronjob| format!("{}/{}", cronjob.cronjob.namespace, cronjob.cronjob.name))
            .collect();
        cronjobs.sort();
        cronjobs
    }

    /// `name: state` of all Jobs in the store.
    pub(super) fn states(&self) -> Vec<String> {
        let snapshot = self.snapshot();
        let jobs = snapshot.jobs.iter();
        let mut states: Vec<_> = jobs
            .map(|job| format!("{}: {}", job.name, job.state.as_str()))
            .collect();
        states.sort();
        states
    }

    pub(super) fn up(&self) -> bool {
        self.snapshot().status.up
    }

    pub(super) fn ready(&self) -> bool {
        self.readiness.state() == State::Ready
    }

    pub(super) fn requests(&self, verb: Verb, code: Code) -> u64 {
        let client_counters = self.snapshot().client_counters;
        let requests = client_counters
            .requests()
            .filter(|(v, c, _)| (*v, *c) == (verb, code));
        requests.map(|(_, _, count)| count).sum()
    }

    pub(super) fn decode_errors(&self) -> u64 {
        let client_counters = self.snapshot().client_counters;
        client_counters
            .decode_errors()
            .map(|(_, count)| count)
            .sum()
    }

    /// The number of watch events about Jobs.
    pub(super) fn events(&self, kind: EventKind) -> u64 {
        let client_counters = self.snapshot().client_counters;
        let events = client_counters.events();
        let events = events.filter(|(r, k, _)| (*r, *k) == (Resource::Jobs, kind));
        events.map(|(_, _, count)| count).sum()
    }

    /// The number of restarts of the watch of Jobs.
    pub(super) fn restarts(&self, reason: RestartReason) -> u64 {
        let client_counters = self.snapshot().client_counters;
        let restarts = client_counters.watch_restarts();
        let restarts = restarts.filter(|(r, why, _)| (*r, *why) == (Resource::Jobs, reason));
        restarts.map(|(_, _, count)| count).sum()
    }

    /// The text of `/metrics`.
    pub(super) fn metrics(&self) -> String {
        let store = Arc::new(Store::new(vec![self.store.clone()]));
        let chunks: Vec<u8> = Metrics::new(store, &metrics::MetricsSettings::default())
            .scrape(Format::Text)
            .flatten()
            .collect();
        String::from_utf8(chunks).unwrap()
    }

    /// Waits until `look` returns `expected`.
    pub(super) async fn eventually<T: PartialEq + Debug>(
        &mut self,
        look: impl Fn(&Self) -> T,
        expected: T,
    ) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let seen = look(self);
            if seen == expected {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "timed out with {seen:?} instead of {expected:?}; {:?}",
                self.snapshot().client_counters
            );
            self.step().await;
        }
    }

    /// Asserts for `time` that `look` returns `expected`.
    pub(super) async fn throughout<T: PartialEq + Debug>(
        &mut self,
        time: Duration,
        look: impl Fn(&Self) -> T,
        expected: T,
    ) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            assert_eq!(look(self), expected);
            self.step().await;
        }
    }

    /// Sleeps for a moment, and panics if a task has ended. The tasks of a source never end.
    pub(super) async fn step(&mut self) {
        if let Some(ended) = self.tasks.try_join_next() {
            panic!("a task ended: {ended:?}");
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Watches all namespaces.
pub(super) fn everything() -> Mode {
    Mode::Watch(Selection::default())
}

/// A selection by namespace patterns and a label selector. Each may be empty.
pub(super) fn selection(include: &[&str], exclude: &[&str], labels: &str) -> Selection {
    let patterns =
        |texts: &[&str]| -> Vec<Pattern> { texts.iter().copied().map(Pattern::from).collect() };
    Selection {
        namespaces: Namespaces {
            include: patterns(include),
            exclude: patterns(exclude),
        },
        label_selector: (!labels.is_empty()).then(|| labels.to_owned()),
        pods: false,
    }
}

/// Polls single jobs, given as `namespace/name`.
pub(super) fn polled(jobs: &[impl AsRef<str>], poll: PollConfig) -> Mode {
    let job = |job: &str| {
        let (namespace, name) = job.split_once('/').unwrap();
        JobReference {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    };
    Mode::PollJobs {
        jobs: jobs.iter().map(|text| job(text.as_ref())).collect(),
        poll,
    }
}

/// Polls lists of all namespaces.
pub(super) fn listed(poll: PollConfig) -> Mode {
    Mode::PollLists {
        selection: Selection::default(),
        poll,
    }
}
