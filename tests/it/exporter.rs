//! One target's source at work, without what serves it: an API is read over HTTP, and the store shows what came of it.

use std::{fmt::Debug, sync::Arc, time::Duration};

use job_status_exporter::{
    client::{Api, Endpoint, RateLimit},
    config::{JobReference, Mode, Namespaces, Pattern, PollConfig, Selection},
    metrics::{self, Format, Metrics},
    model::{Code, EventKind, Resource, RestartReason, Verb},
    server::readiness::{Readiness, State},
    source::{Source, SourceSettings},
    store::{Store, StoreSettings, TargetSnapshot, TargetStore},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// Far more than anything takes here: reaching it means that something does not happen at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// A source that runs until this is dropped.
pub(super) struct Exporter {
    pub(super) slice: Arc<TargetStore>,
    pub(super) readiness: Arc<Readiness>,
    tasks: JoinSet<()>,
}

/// The defaults, but for quick polls.
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
        let limit = match &mode {
            Mode::Watch(_) => None,
            Mode::PollJobs { poll, .. } | Mode::PollLists { poll, .. } => {
                Some(RateLimit::new(poll.requests_per_second))
            }
        };
        let mut settings = StoreSettings::default();
        settings.retention.deleted = deleted;
        settings.retention.stale_after = stale_after;
        let slice = Arc::new(TargetStore::new(None, Vec::new(), Arc::new(settings)));
        let store = Arc::new(Store::new(vec![slice.clone()]));
        let readiness = Arc::new(Readiness::new(store, Duration::from_hours(1)));
        let api = Arc::new(Api::new(endpoint, slice.clone(), limit));
        let settings = SourceSettings {
            mode,
            metadata: Arc::default(),
            stale_after,
        };
        let source = Source::new("tested".to_owned(), settings, api, slice.clone());
        let mut tasks = JoinSet::new();
        for task in source.start() {
            tasks.spawn(task.run);
        }
        Self {
            slice,
            readiness,
            tasks,
        }
    }

    pub(super) fn snapshot(&self) -> TargetSnapshot {
        self.slice.snapshot()
    }

    /// `namespace/name` of all Jobs that are shown.
    pub(super) fn jobs(&self) -> Vec<String> {
        let snapshot = self.snapshot();
        let jobs = snapshot.jobs.iter();
        let mut jobs: Vec<_> = jobs
            .map(|job| format!("{}/{}", job.namespace, job.name))
            .collect();
        jobs.sort();
        jobs
    }

    /// `namespace/name` of all `CronJobs` that are shown.
    pub(super) fn cronjobs(&self) -> Vec<String> {
        let snapshot = self.snapshot();
        let cronjobs = snapshot.cronjobs.iter();
        let mut cronjobs: Vec<_> = cronjobs
            .map(|cronjob| format!("{}/{}", cronjob.cronjob.namespace, cronjob.cronjob.name))
            .collect();
        cronjobs.sort();
        cronjobs
    }

    /// `name: state` of all Jobs that are shown.
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

    /// Events about Jobs.
    pub(super) fn events(&self, kind: EventKind) -> u64 {
        let client_counters = self.snapshot().client_counters;
        let events = client_counters.events();
        let events = events.filter(|(r, k, _)| (*r, *k) == (Resource::Jobs, kind));
        events.map(|(_, _, count)| count).sum()
    }

    /// Restarts of the watch of Jobs.
    pub(super) fn restarts(&self, reason: RestartReason) -> u64 {
        let client_counters = self.snapshot().client_counters;
        let restarts = client_counters.watch_restarts();
        let restarts = restarts.filter(|(r, why, _)| (*r, *why) == (Resource::Jobs, reason));
        restarts.map(|(_, _, count)| count).sum()
    }

    /// What `/metrics` would say.
    pub(super) fn metrics(&self) -> String {
        let store = Arc::new(Store::new(vec![self.slice.clone()]));
        let chunks: Vec<u8> = Metrics::new(store, &metrics::MetricsSettings::default())
            .scrape(Format::Text)
            .flatten()
            .collect();
        String::from_utf8(chunks).unwrap()
    }

    /// Waits until `look` gives `expected`.
    pub(super) async fn eventually<T: PartialEq + Debug>(
        &mut self,
        look: impl Fn(&Self) -> T,
        expected: T,
    ) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = look(self);
            if seen == expected {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{seen:?} and never {expected:?}; {:?}",
                self.snapshot().client_counters
            );
            self.check().await;
        }
    }

    /// Looks on for so long; `look` has to give `expected` all the time.
    pub(super) async fn throughout<T: PartialEq + Debug>(
        &mut self,
        time: Duration,
        look: impl Fn(&Self) -> T,
        expected: T,
    ) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            assert_eq!(look(self), expected);
            self.check().await;
        }
    }

    /// Lets things happen. A task that ends is a failure: sources never do.
    pub(super) async fn check(&mut self) {
        if let Some(ended) = self.tasks.try_join_next() {
            panic!("a task ended: {ended:?}");
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Everything.
pub(super) fn everything() -> Mode {
    Mode::Watch(Selection::default())
}

/// Patterns of namespaces and a label selector, both perhaps empty.
pub(super) fn selection(include: &[&str], exclude: &[&str], labels: &str) -> Selection {
    let patterns =
        |texts: &[&str]| -> Vec<Pattern> { texts.iter().copied().map(Pattern::from).collect() };
    Selection {
        namespaces: Namespaces {
            include: patterns(include),
            exclude: patterns(exclude),
        },
        label_selector: (!labels.is_empty()).then(|| labels.to_owned()),
    }
}

/// Single jobs, written `namespace/name`.
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

/// Everything, listed again and again.
pub(super) fn listed(poll: PollConfig) -> Mode {
    Mode::PollLists {
        selection: Selection::default(),
        poll,
    }
}
