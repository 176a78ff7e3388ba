//! Compressed scrapes: whatever happened before, they are the bytes of a plain scrape of the same moment.

use std::{io::Read as _, time::Duration};

use flate2::read::GzDecoder;
use job_status_exporter::{
    config::Pattern,
    metrics::MetricsSettings,
    model::{FeedError, FeedHandle},
};

use super::*;

const ALL_FORMATS: [Format; 3] = [Format::Text, Format::OpenMetrics, Format::Protobuf];

/// Families that are the same in two scrapes of one moment. Those of the process are not: they count scrapes.
const STEADY: [&str; 3] = ["batch_*", "kube_*", "job_status_exporter_target_*"];

/// What can happen between two scrapes.
#[derive(Clone, Debug)]
enum Event {
    /// This Job of this target is in this state.
    Applied(usize, u32, JobState),
    Deleted(usize, u32),
    /// A list of the Jobs up to this one.
    Listed(usize, u32),
    /// A list of `CronJobs` up to this one.
    CronJobsListed(usize, u32),
    /// The feed of the Jobs fails, or works again.
    Failed(usize),
    Contact(usize),
    /// Time goes on, perhaps until deleted Jobs expire or feeds are stale.
    Waited(u64),
    /// The configuration selects these labels and Jobs.
    Configured(Vec<u8>, bool),
    /// The configuration selects these families.
    Selected(LabelScope, bool),
}

fn event() -> impl Strategy<Value = Event> {
    let target = 0..2_usize;
    let states = proptest::sample::select(JobState::ALL);
    let few = 0..40_u32;
    prop_oneof![
        6 => (target.clone(), few.clone(), states).prop_map(|(t, n, state)| Event::Applied(t, n, state)),
        3 => (target.clone(), few).prop_map(|(t, n)| Event::Deleted(t, n)),
        1 => (target.clone(), 0..1_100_u32).prop_map(|(t, n)| Event::Listed(t, n)),
        1 => (target.clone(), 0..20_u32).prop_map(|(t, n)| Event::CronJobsListed(t, n)),
        1 => target.clone().prop_map(Event::Failed),
        1 => target.prop_map(Event::Contact),
        2 => (1..400_u64).prop_map(Event::Waited),
        1 => (proptest::collection::vec(0..3_u8, 0..3), any::<bool>()).prop_map(|(l, a)| Event::Configured(l, a)),
        1 => (proptest::sample::select(&[LabelScope::Info, LabelScope::All][..]), any::<bool>())
            .prop_map(|(scope, ksm)| Event::Selected(scope, ksm)),
    ]
}

/// Runs of 100 workloads, which fill more than one chunk. Each workload has many lines, and each event costs some scrapes of all.
fn runs(count: u32) -> Vec<Job> {
    let namespace = Name::from("ops");
    let workload = |number: u32| WorkloadRef {
        kind: "cronjob".into(),
        name: format!("nightly-{}", number % 100).into(),
    };
    let job = |number| records::job(&namespace, &workload(number), number);
    (0..count).map(job).collect()
}

struct Target {
    store: Arc<TargetStore>,
    jobs: FeedHandle,
    cronjobs: FeedHandle,
    labels: usize,
    /// Jobs by their number.
    known: Vec<Job>,
}

impl Target {
    fn new(name: &str) -> Self {
        let store = records::target(Some(name), runs(40), Vec::new());
        let [jobs, cronjobs] = [FeedScope::Jobs(None), FeedScope::CronJobs(None)]
            .map(|scope| store.clone().register(scope));
        Self {
            store,
            jobs,
            cronjobs,
            labels: 0,
            known: runs(40),
        }
    }

    /// The Job with this number. Its labels are those of the configuration.
    fn job(&self, number: u32, state: JobState) -> Job {
        let values = (0..self.labels).map(|at| Name::from(format!("value-{at}-{}", number % 3)));
        let mut job = self.known[number as usize].clone();
        job.state = state;
        job.failure = (state == JobState::Failed).then_some(FailureReason::DeadlineExceeded);
        let labels = (self.labels > 0).then(|| values.collect());
        job.with_template(|template| template.labels = labels)
    }

    fn configure(&mut self, labels: &[u8], last_jobs_only: bool) {
        let mut labels = labels.to_vec();
        labels.sort_unstable();
        labels.dedup();
        let labels: Vec<MappedLabel> = labels
            .iter()
            .map(|n| mapped(&format!("label_{n}")))
            .collect();
        self.labels = labels.len();
        self.store.configure(StoreSettings {
            labels: labels.into(),
            last_jobs_only,
            ..StoreSettings::default()
        });
    }
}

async fn happen(event: Event, targets: &mut [Target; 2], metrics: &Metrics) {
    match event {
        Event::Applied(at, number, state) => {
            let job = targets[at].job(number, state);
            targets[at].jobs.push(Update::Jobs(Change::Applied(job)));
        }
        Event::Deleted(at, number) => {
            let job = targets[at].job(number, JobState::Complete);
            targets[at].jobs.push(Update::Jobs(Change::Deleted(job)));
        }
        Event::Listed(at, count) => {
            let list = Change::Replaced(runs(count));
            targets[at].jobs.push(Update::Jobs(list));
        }
        Event::CronJobsListed(at, count) => {
            let cronjobs = (0..count).map(|n| records::cronjob(&format!("nightly-{n}")));
            let list = Change::Replaced(cronjobs.collect());
            targets[at].cronjobs.push(Update::CronJobs(list));
        }
        Event::Failed(at) => {
            targets[at].jobs.push(Update::Failed(FeedError::default()));
        }
        Event::Contact(at) => {
            targets[at].jobs.push(Update::Contact);
        }
        Event::Waited(seconds) => tokio::time::advance(Duration::from_secs(seconds)).await,
        Event::Configured(labels, last_jobs_only) => {
            for target in targets {
                target.configure(&labels, last_jobs_only);
            }
        }
        Event::Selected(label_scope, kube_state_metrics) => metrics.configure(&MetricsSettings {
            label_scope,
            kube_state_metrics,
            ..MetricsSettings::default()
        }),
    }
}

fn unzipped(metrics: &Metrics, format: Format, patterns: &[Pattern]) -> Vec<u8> {
    let scrape = metrics.scrape_compressed(format, patterns).unwrap();
    let chunks: Result<Vec<_>, _> = scrape.expect("a cache").collect();
    let body = chunks.unwrap().concat();
    let mut decoder = GzDecoder::new(&body[..]);
    let mut plain = Vec::new();
    decoder.read_to_end(&mut plain).unwrap();
    assert!(decoder.into_inner().is_empty(), "bytes after the member");
    plain
}

fn steady() -> Vec<Pattern> {
    STEADY.map(Pattern::from).to_vec()
}

/// The families of [`STEADY`] that are there.
fn selected(metrics: &Metrics) -> Vec<Pattern> {
    let mut patterns = steady();
    patterns.retain(|pattern| {
        let one = std::slice::from_ref(pattern);
        metrics.scrape_families(Format::Text, one).is_ok()
    });
    patterns
}

fn assert_same(metrics: &Metrics, format: Format) -> Result<(), TestCaseError> {
    let all = selected(metrics);
    for patterns in [&all[..], &["batch_workload_*".into()]] {
        let scrape = metrics.scrape_families(format, patterns).unwrap();
        let fresh: Vec<u8> = scrape.flatten().collect();
        let kept = unzipped(metrics, format, patterns);
        prop_assert!(fresh == kept, "{format:?}: {:?}", difference(&fresh, &kept));
    }
    Ok(())
}

/// The first lines that differ. In protobuf they say little, but the name of the family is among them.
fn difference(fresh: &[u8], kept: &[u8]) -> Option<(String, String)> {
    let [fresh, kept] = [fresh, kept].map(String::from_utf8_lossy);
    let mut lines = fresh.lines().zip(kept.lines());
    let (fresh, kept) = lines.find(|(fresh, kept)| fresh != kept)?;
    Some((fresh.to_owned(), kept.to_owned()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn a_compressed_scrape_has_the_bytes_of_a_plain_one(events in proptest::collection::vec(event(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut targets = ["a", "b"].map(Target::new);
            let stores = targets.iter().map(|target| target.store.clone()).collect();
            let metrics = metrics(stores);
            for (event, format) in events.into_iter().zip(ALL_FORMATS.into_iter().cycle()) {
                assert_same(&metrics, format)?;
                happen(event, &mut targets, &metrics).await;
                assert_same(&metrics, format)?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_scrape_uses_is_dropped() {
    let target = records::target(None, records::jobs(1_000), Vec::new());
    let mut settings = StoreSettings::default();
    settings.retention.stale_after = Duration::from_hours(1);
    target.configure(settings);
    let metrics = Arc::new(metrics(vec![target]));
    let mut sweeper = tokio::task::JoinSet::new();
    sweeper.spawn(metrics.clone().drop_unused());
    unzipped(&metrics, Format::Text, &[]);
    let one_format = metrics.cache_size();
    assert!(one_format > 100_000, "{one_format}");
    unzipped(&metrics, Format::OpenMetrics, &[]);
    assert!(metrics.cache_size() > one_format);
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_mins(6)).await;
        unzipped(&metrics, Format::Text, &[]);
    }
    assert_eq!(metrics.cache_size(), one_format);
    tokio::time::sleep(Duration::from_mins(12)).await;
    assert_eq!(metrics.cache_size(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_of_jobs_that_are_gone_is_dropped() {
    let target = Target::new("a");
    let metrics = Arc::new(metrics(vec![target.store.clone()]));
    let mut sweeper = tokio::task::JoinSet::new();
    sweeper.spawn(metrics.clone().drop_unused());
    let scrape = || unzipped(&metrics, Format::Text, &steady()[..1]);
    scrape();
    let few_jobs = metrics.cache_size();
    for count in [10_000, 40] {
        target
            .jobs
            .push(Update::Jobs(Change::Replaced(runs(count))));
        scrape();
    }
    let many = metrics.cache_size();
    assert!(
        many > 3 * few_jobs,
        "{many} bytes, {few_jobs} with few Jobs"
    );
    // Deleted Jobs stay for a while, and what is kept of them as long as a scrape may take.
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_mins(1)).await;
        target.jobs.push(Update::Contact);
        scrape();
    }
    let left = metrics.cache_size();
    assert!(
        left < 2 * few_jobs,
        "{left} bytes, {few_jobs} with few Jobs"
    );
}

#[tokio::test]
async fn nothing_is_kept_beyond_the_budget() {
    for budget in [1, 50_000, 200_000] {
        let target = records::target(None, records::jobs(3_000), Vec::new());
        let settings = MetricsSettings {
            cache_size: Some(budget),
            ..MetricsSettings::default()
        };
        let metrics = Metrics::new(Arc::new(Store::new(vec![target])), &settings);
        for _ in 0..2 {
            let text = String::from_utf8(unzipped(&metrics, Format::Text, &steady()[..1])).unwrap();
            assert!(text.contains("batch_job_backoff_limit"));
            assert!(metrics.cache_size() as u64 <= budget);
        }
    }
}

#[tokio::test]
async fn a_cache_of_no_bytes_is_none() {
    let settings = MetricsSettings {
        cache_size: Some(0),
        ..MetricsSettings::default()
    };
    let target = records::target(None, records::jobs(1), Vec::new());
    let metrics = Metrics::new(Arc::new(Store::new(vec![target])), &settings);
    assert!(
        metrics
            .scrape_compressed(Format::Text, &[])
            .unwrap()
            .is_none()
    );
}
