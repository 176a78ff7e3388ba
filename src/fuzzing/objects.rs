//! Lists of Jobs, `CronJobs` and Pods: from the bytes of a response to the text of a scrape.

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use super::checker;
use crate::{
    config::{Config, testing},
    decode::{self, Decoder, MetadataFilter, Page},
    metrics::{Format, Metrics, MetricsSettings},
    model::{Change, CronJob, FeedScope, Job, NoopJournal, Pod, RestoredState, Sink as _, Update},
    store::{Store, StoreSettings, TargetStore},
};

/// A configuration that reads and shows as much of the objects as possible.
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    testing::from_variables(&[
        (
            "LABELS",
            "{team: team, owner: 'annotation:example.com/owner'}",
        ),
        ("LABEL_SCOPE", "all"),
        ("WORKLOAD_LABEL", "app.kubernetes.io/part-of"),
        (
            "METRICS__KUBE_STATE_METRICS",
            "{enabled: true, job_labels: ['*'], job_annotations: ['*'], cronjob_labels: ['*'], cronjob_annotations: ['*']}",
        ),
    ])
});

/// Shortly after the times in the recorded objects.
fn clock() -> Timestamp {
    Timestamp::from_second(1_795_445_760).unwrap()
}

/// Each object is decoded the same way twice, and whatever was decoded can be shown: the text is complete and valid, and its
/// size is in proportion to that of the objects.
pub(super) fn check(input: &[u8]) {
    let Ok(page) = decode::page(input) else {
        return;
    };
    let (jobs, cronjobs) = decode(&page);
    assert_eq!((&jobs, &cronjobs), (&decode(&page).0, &decode(&page).1));
    assert_eq!(decode_pods(&page), decode_pods(&page));
    let metrics = Metrics::new(
        Arc::new(Store::new(vec![store(jobs, cronjobs)])),
        &MetricsSettings::from_config(&CONFIG),
    );
    for format in [Format::Text, Format::OpenMetrics] {
        let text: Vec<u8> = metrics.scrape(format).flatten().collect();
        // Every series repeats the names of its object, and a Job has about a hundred of them.
        assert!(
            text.len() <= 100_000 + 300 * input.len(),
            "{} bytes from {}",
            text.len(),
            input.len()
        );
        checker::check(format, str::from_utf8(&text).unwrap());
    }
}

/// Reads every object as a Job and as a `CronJob`.
fn decode(page: &Page<'_>) -> (Vec<Job>, Vec<CronJob>) {
    let mut decoder = Decoder::new(MetadataFilter::from_config(&CONFIG).into());
    let (mut jobs, mut cronjobs) = (Vec::new(), Vec::new());
    for item in page.items() {
        jobs.extend(decoder.job(item).inspect_err(check_error).ok());
        cronjobs.extend(decoder.cronjob(item).inspect_err(check_error).ok());
    }
    (jobs, cronjobs)
}

/// Reads every object as a Pod.
fn decode_pods(page: &Page<'_>) -> Vec<Pod> {
    let mut decoder = Decoder::new(MetadataFilter::from_config(&CONFIG).into());
    let pods = page.items().map(|item| decoder.pod(item));
    pods.filter_map(|pod| pod.inspect_err(check_error).ok().flatten())
        .collect()
}

/// An error names the object in at most the length of two names.
fn check_error(error: &decode::DecodeError) {
    let message = error.to_string();
    assert!(message.chars().count() < 600, "{message}");
}

fn store(jobs: Vec<Job>, cronjobs: Vec<CronJob>) -> Arc<TargetStore> {
    let settings = StoreSettings {
        clock,
        ..StoreSettings::from_config(&CONFIG)
    };
    let state = RestoredState::default();
    let store = TargetStore::restored(None, settings.into(), state, Arc::new(NoopJournal));
    let store = Arc::new(store);
    let [job_feed, cronjob_feed] = [FeedScope::Jobs(None), FeedScope::CronJobs(None)]
        .map(|scope| store.clone().register(scope));
    // The last one arrives as an event and is deleted again.
    let (last, other_jobs) = (jobs.last().cloned(), jobs);
    job_feed.push(Update::Jobs(Change::Replaced(other_jobs)));
    cronjob_feed.push(Update::CronJobs(Change::Replaced(cronjobs)));
    job_feed.push(Update::CaughtUp(clock()));
    cronjob_feed.push(Update::CaughtUp(clock()));
    if let Some(job) = last {
        job_feed.push(Update::Jobs(Change::Applied(job.clone())));
        job_feed.push(Update::Jobs(Change::Deleted(job)));
    }
    store
}
