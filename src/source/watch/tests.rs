//! What a watch does after each kind of end, under paused time. The tests make up the outcomes and send no requests.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::advance;

use super::*;
use crate::{
    client::{Api, BodyFormat, Endpoint, Listing, Scope, Status},
    config::{ListLimits, Mode, Namespaces, Selection},
    decode::Decoder,
    model::{
        ClientEvent, EventCounter, FeedHandle, FeedId, FeedScope, HealthChange, Resource,
        RestartReason, ShardReading, Sink, Update,
    },
    source::{
        feed_reporter::{FeedReporter, TargetLog},
        reader::Jobs,
    },
};

mod silence;

/// Records what a watch reports.
#[derive(Default)]
struct Recorder {
    failures: Mutex<usize>,
    /// All other updates.
    confirmations: Mutex<usize>,
    restarts: Mutex<Vec<RestartReason>>,
    /// When the watch said that it had received everything.
    caught_up: Mutex<Vec<Instant>>,
}

impl Sink for Recorder {
    fn register(self: Arc<Self>, _: FeedScope) -> FeedHandle {
        FeedHandle::new(FeedId(0), self)
    }

    fn push(&self, _: FeedId, update: Update) -> HealthChange {
        if matches!(update, Update::CaughtUp(_)) {
            self.caught_up.lock().push(Instant::now());
            return HealthChange::default();
        }
        let counter = match update {
            Update::Failed(_) => &self.failures,
            _ => &self.confirmations,
        };
        *counter.lock() += 1;
        HealthChange::default()
    }

    fn retire(&self, _: FeedId) {}

    fn set_shard_reading(&self, _: ShardReading, _: Option<usize>) {}
}

impl EventCounter for Recorder {
    fn count(&self, event: ClientEvent) {
        if let ClientEvent::WatchRestart(_, reason) = event {
            self.restarts.lock().push(reason);
        }
    }
}

/// A watch at resource version 100.
fn watch() -> (Watch<Jobs>, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let listing = Listing {
        resource: Resource::Jobs,
        scope: Scope::All,
        label_selector: None,
        field_selector: None,
        shard_selector: None,
    };
    let unreachable = Endpoint::Address(http::Uri::from_static("http://127.0.0.1:1"));
    let handle = recorder.clone().register(FeedScope::Jobs(None));
    let reader = ResourceReader::new(
        Arc::new(Api::new(unreachable, recorder.clone(), None)),
        FeedReporter::new(handle, Arc::new(TargetLog::of_target())),
        listing,
        Arc::new(Namespaces::default()),
        Decoder::default(),
        ListLimits::default(),
    );
    let settings = SourceSettings {
        mode: Mode::Watch(Selection::default()),
        metadata: Arc::default(),
        stale_after: 10 * MINUTE,
        max_silence: SILENCE,
        limits: ListLimits::default(),
        shard: None,
    };
    let mut watch = Watch::new(reader, &settings);
    watch.version = Some("100".to_owned());
    (watch, recorder)
}

/// Simulates a watch that receives an event for each of `versions`, and ends after `lifetime`.
async fn attempt(
    watch: &mut Watch<Jobs>,
    lifetime: Duration,
    versions: &str,
    outcome: Result<End, Error>,
) -> Option<Duration> {
    watch.attempt = Attempt {
        opened: Some(Instant::now()),
        ..Attempt::default()
    };
    for version in versions.split_whitespace() {
        watch.attempt.received = true;
        watch.advance(Some(version.to_owned()));
    }
    advance(lifetime).await;
    watch.conclude(&outcome)
}

/// An error response with this status.
fn error_response(watch: &Watch<Jobs>, code: u16) -> Error {
    watch.error(Failure::Status(Box::new(Status {
        code,
        ..Status::default()
    })))
}

const MINUTE: Duration = Duration::from_mins(1);
const SILENCE: Duration = Duration::from_secs(150);
const MOMENT: Duration = Duration::from_millis(10);

#[tokio::test(start_paused = true)]
async fn a_watch_that_times_out_resumes_at_once() {
    let (mut watch, recorder) = watch();
    for versions in ["101", "101", "102 103"] {
        let wait = attempt(&mut watch, 4 * MINUTE, versions, Ok(End::Ended)).await;
        assert_eq!(wait, None);
    }
    assert_eq!(watch.version.as_deref(), Some("103"));
    assert_eq!(*recorder.restarts.lock(), [RestartReason::Ended; 3]);
    assert_eq!(*recorder.failures.lock(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_followed_by_a_list() {
    let (mut watch, _) = watch();
    let wait = attempt(&mut watch, 4 * MINUTE, "", Ok(End::Ended)).await;
    assert_eq!((wait, watch.version), (None, None));
}

#[tokio::test(start_paused = true)]
async fn the_backoff_of_short_watches_grows_less_if_they_send_new_events() {
    for (versions, grows) in [("", true), ("100", true), ("next", false)] {
        let (mut watch, _) = watch();
        let mut version = 100;
        let mut waits = Vec::new();
        for _ in 0..10 {
            version += 1;
            let versions = versions.replace("next", &version.to_string());
            let wait = attempt(&mut watch, MOMENT, &versions, Ok(End::Ended)).await;
            waits.push(wait.expect("a backoff").as_secs_f64());
            watch.version.get_or_insert("100".to_owned()); // as a list does
        }
        assert!(
            waits.iter().all(|wait| *wait >= 0.25),
            "{versions}: {waits:?}"
        );
        let last = waits[9];
        let expected = if grows { 15.0..=30.0 } else { 2.0..=4.0 };
        assert!(expected.contains(&last), "{versions}: {waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_version_that_decreases_expires_the_watch() {
    let (mut watch, _) = watch();
    assert!(watch.advance(Some("101".to_owned())).is_none());
    assert!(matches!(
        watch.advance(Some("7".to_owned())),
        Some(End::Expired)
    ));
    attempt(&mut watch, MOMENT, "", Ok(End::Expired)).await;
    assert_eq!(watch.version, None);
    // Versions that are not numbers cannot be compared. An event without a version changes nothing.
    for version in [Some("x"), Some("a"), None] {
        assert!(watch.advance(version.map(str::to_owned)).is_none());
    }
    assert_eq!(watch.version.as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn an_expired_watch_is_not_a_failure_but_an_expired_list_is() {
    for (version, failures) in [(Some("100"), 0), (None, 1)] {
        let (mut watch, recorder) = watch();
        watch.version = version.map(str::to_owned);
        let gone = error_response(&watch, 410);
        let wait = watch.conclude(&Err(gone));
        assert!(wait.is_some() && watch.version.is_none());
        assert_eq!(*recorder.failures.lock(), failures);
        let restarts = recorder.restarts.lock().len();
        assert_eq!(restarts, 1 - failures);
    }
}

#[tokio::test(start_paused = true)]
async fn after_two_failures_the_watch_restarts_with_a_list() {
    let (mut watch, recorder) = watch();
    let mut waits = Vec::new();
    for version in [Some("100"), None, None, None, None, None, None, None] {
        let error = error_response(&watch, 503);
        waits.extend(watch.conclude(&Err(error)));
        assert_eq!(watch.version.as_deref(), version);
    }
    for (wait, longest) in waits
        .iter()
        .zip([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0])
    {
        let wait = wait.as_secs_f64();
        assert!((longest / 2.0..=longest).contains(&wait), "{waits:?}");
    }
    assert_eq!((waits.len(), *recorder.failures.lock()), (8, 8));
    assert!(recorder.restarts.lock().is_empty(), "no watch was open");
}

#[tokio::test]
async fn events_during_a_streamed_list_are_applied_to_it() {
    let (mut watch, _) = watch();
    let event = |kind: &str, name: &str| {
        let object =
            format!(r#"{{"metadata":{{"namespace":"n","name":"{name}","uid":"{name}"}}}}"#);
        format!(r#"{{"type":"{kind}","object":{object}}}"#)
    };
    let mut initial = Some(InitialList::new(ListLimits::default(), false));
    for (kind, name) in [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("DELETED", "a"),
        ("ADDED", "c"),
        ("MODIFIED", "b"),
        ("DELETED", "x"),
    ] {
        let end = watch.apply(
            (BodyFormat::Json, event(kind, name).as_bytes()),
            &mut initial,
        );
        assert!(end.unwrap().is_none());
    }
    let records = initial.unwrap().into_records();
    let names: Vec<_> = records.iter().map(|job| &*job.name).collect();
    assert_eq!(names, ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn the_waits_grow_whatever_ends_watches_early() {
    type Outcome = fn(&Watch<Jobs>) -> Result<End, Error>;
    // The versions that are received, how long the watch lives in seconds, how it ends, and the longest wait.
    let cases: [(&str, u64, Outcome, f64); 9] = [
        ("", 0, |_| Ok(End::Ended), 30.0),
        ("", 6, |_| Ok(End::Ended), 30.0),
        ("", 0, |_| Ok(End::Expired), 30.0),
        ("", 6, |_| Ok(End::Expired), 30.0),
        ("next", 0, |_| Ok(End::Expired), 30.0),
        ("next 7", 6, |_| Ok(End::Expired), 30.0),
        ("", 0, |watch| Err(error_response(watch, 410)), 30.0),
        ("", 0, |watch| Err(error_response(watch, 500)), 30.0),
        ("next", 0, |watch| Err(error_response(watch, 500)), 4.0),
    ];
    for (number, (versions, seconds, outcome, longest)) in cases.into_iter().enumerate() {
        let (mut watch, _) = watch();
        let start = Instant::now();
        let mut attempts = 0_u32;
        while start.elapsed() < Duration::from_hours(1) {
            watch.version.get_or_insert("100".to_owned()); // as a list does
            let versions = versions.replace("next", &(200 + attempts).to_string());
            let outcome = outcome(&watch);
            let lifetime = Duration::from_secs(seconds) + MOMENT;
            let wait = attempt(&mut watch, lifetime, &versions, outcome).await;
            advance(wait.expect("a wait")).await;
            attempts += 1;
        }
        // The waits are between half of the longest and all of it, after the first few.
        let fewest = 3600.0 / (longest + 7.0);
        let most = 3600.0 / (longest / 2.0) + 10.0;
        let attempts = f64::from(attempts);
        assert!((fewest..most).contains(&attempts), "{number}: {attempts}");
    }
}
