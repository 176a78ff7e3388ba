//! The samples of each family about a target.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    metrics::{families::target::Targets, format::Format, table::testing::section_lines},
    model::{
        ClientEvent, Code, Credential, CredentialExpiries, CredentialExpiry, EventCounter as _,
        EventKind, FeedError, FeedHandle, FeedScope, Renewable, Resource, RestartReason, Shard,
        Sink, Update, Verb,
    },
    store::{StoreSettings, TargetSnapshot, TargetStore},
};

/// A target and its feed of Jobs.
fn target(target: Option<&str>) -> (Arc<TargetStore>, FeedHandle) {
    let store = Arc::new(TargetStore::new(target.map(Into::into), Arc::default()));
    let jobs = store.clone().register(FeedScope::Jobs(None));
    (store, jobs)
}

/// All lines about a target.
fn lines(target: &TargetSnapshot) -> Vec<String> {
    section_lines::<Targets>(Format::Text, target)
}

/// The lines of the families with this prefix.
fn lines_of(prefix: &str, target: &TargetSnapshot) -> Vec<String> {
    let mut lines = lines(target);
    lines.retain(|line| line.starts_with(prefix));
    lines
}

#[test]
fn a_target_that_was_never_read_is_down_and_has_no_last_success() {
    let (store, jobs) = target(None);
    jobs.push(Update::Failed(FeedError::default()));
    assert_eq!(
        lines_of("job_status_exporter_target", &store.snapshot()),
        [
            "job_status_exporter_target_up 0",
            "job_status_exporter_target_feeds 1",
            "job_status_exporter_target_failing_feeds 1",
            "job_status_exporter_target_synced 0",
        ]
    );
}

#[test]
fn what_a_shard_sees_has_its_number() {
    let settings = StoreSettings {
        shard: Shard::new(2, 4),
        ..StoreSettings::default()
    };
    let store = Arc::new(TargetStore::new(Some("prod".into()), settings.into()));
    let namespaces = store.clone().register(FeedScope::Namespaces);
    namespaces.push(Update::Failed(FeedError::default()));
    namespaces.count(ClientEvent::DecodeError(Resource::Namespaces));
    let snapshot = store.snapshot();
    for line in [
        r#"job_status_exporter_target_up{target="prod",shard="2"} 0"#,
        r#"job_status_exporter_objects{target="prod",shard="2",resource="jobs"} 0"#,
        r#"job_status_exporter_decode_errors_total{target="prod",shard="2",resource="namespaces"} 1"#,
    ] {
        let lines = lines(&snapshot);
        assert!(lines.iter().any(|it| it == line), "{line}: {lines:#?}");
    }
}

#[test]
fn a_target_that_was_read_is_up() {
    let (store, _) = target(None);
    let mut snapshot = store.snapshot();
    snapshot.status.up = true;
    snapshot.status.synced = true;
    snapshot.status.feeds = 3;
    snapshot.status.undecodable_jobs = 4;
    snapshot.status.jobs = 7;
    snapshot.status.cronjobs = 2;
    snapshot.status.last_success = Timestamp::from_millisecond(1_795_445_740_125).ok();
    assert_eq!(
        lines(&snapshot)[..9],
        [
            "job_status_exporter_target_up 1",
            "job_status_exporter_target_feeds 3",
            "job_status_exporter_target_failing_feeds 0",
            "job_status_exporter_target_last_success_timestamp_seconds 1795445740.125",
            "job_status_exporter_target_synced 1",
            r#"job_status_exporter_objects{resource="jobs"} 7"#,
            r#"job_status_exporter_objects{resource="cronjobs"} 2"#,
            r#"job_status_exporter_undecodable_objects{resource="jobs"} 4"#,
            r#"job_status_exporter_undecodable_objects{resource="cronjobs"} 0"#,
        ]
    );
}

#[test]
fn the_expiry_of_a_credential_is_shown_if_it_is_known() {
    let (store, _) = target(None);
    let prefix = "job_status_exporter_credential";
    assert!(lines_of(prefix, &store.snapshot()).is_empty());
    let expiry = |second, renewable| CredentialExpiry {
        at: Timestamp::from_second(second).unwrap(),
        renewable,
    };
    let earlier = CredentialExpiries::of(Credential::Key, expiry(1_795_445_740, Renewable::Yes));
    store.count(ClientEvent::CredentialExpiry(earlier));
    // The next client has other credentials.
    let mut later =
        CredentialExpiries::of(Credential::Token, expiry(1_795_532_140, Renewable::Yes));
    later.set(
        Credential::Certificate,
        Some(expiry(1_795_532_141, Renewable::No)),
    );
    store.count(ClientEvent::CredentialExpiry(later));
    assert_eq!(
        lines_of(prefix, &store.snapshot()),
        [
            r#"job_status_exporter_credential_expiry_timestamp_seconds{credential="token",renewable="true"} 1795532140"#,
            r#"job_status_exporter_credential_expiry_timestamp_seconds{credential="certificate",renewable="false"} 1795532141"#,
        ]
    );
}

#[test]
fn the_name_of_a_target_is_on_every_series() {
    let (store, _) = target(Some("pr\"od"));
    store.count(ClientEvent::DecodeError(Resource::Jobs));
    for line in lines(&store.snapshot()) {
        assert!(line.contains(r#"{target="pr\"od""#), "{line}");
    }
}

#[test]
fn counters_are_shown() {
    let (store, _) = target(None);
    store.count(ClientEvent::Event(Resource::Jobs, EventKind::Modified));
    store.count(ClientEvent::DecodeError(Resource::CronJobs));
    store.count(ClientEvent::WatchRestart(
        Resource::Jobs,
        RestartReason::Expired,
    ));
    let mut counted = lines(&store.snapshot());
    counted.retain(|line| line.contains("_total") && line.ends_with(" 1"));
    assert_eq!(
        counted,
        [
            r#"job_status_exporter_events_total{resource="jobs",type="modified"} 1"#,
            r#"job_status_exporter_decode_errors_total{resource="cronjobs"} 1"#,
            r#"job_status_exporter_watch_restarts_total{resource="jobs",reason="expired"} 1"#,
        ]
    );
}

#[test]
fn requests_are_counted_and_timed() {
    let (store, _) = target(None);
    for (code, millis) in [(Code::Ok, 250), (Code::Ok, 500), (Code::Timeout, 30_000)] {
        store.count(ClientEvent::Request {
            verb: Verb::Get,
            code,
            duration: Duration::from_millis(millis),
        });
    }
    let expected = r#"
job_status_exporter_api_requests_total{verb="get",code="200"} 2
job_status_exporter_api_requests_total{verb="get",code="timeout"} 1
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="0.005"} 0
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="0.01"} 0
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="0.025"} 0
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="0.05"} 0
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="0.1"} 0
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="0.25"} 1
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="0.5"} 2
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="1.0"} 2
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="2.5"} 2
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="5.0"} 2
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="10.0"} 2
job_status_exporter_api_request_duration_seconds_bucket{verb="get",le="+Inf"} 3
job_status_exporter_api_request_duration_seconds_sum{verb="get"} 30.75
job_status_exporter_api_request_duration_seconds_count{verb="get"} 3
"#;
    let lines = lines_of("job_status_exporter_api", &store.snapshot());
    assert_eq!(lines, expected.trim().lines().collect::<Vec<_>>());
}
