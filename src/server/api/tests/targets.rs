//! `targets`.

use std::time::Duration;

use crate::{
    config::{JobReference, Mode, Namespaces, Pattern, PollConfig, Selection},
    model::{
        ClientEvent, Code, Credential, CredentialExpiries, CredentialExpiry, EventCounter as _,
        EventKind, ObjectName, Renewable, Resource, RestartReason, Shard, ShardReading, Verb,
    },
    server::api::targets::TargetEntry,
    status::TargetDetail,
    store::TargetDescription,
};

use super::*;

const ADDRESS: &str = "https://api.example:6443";

/// Fills a target with one of everything that it can have, all of hostile names.
pub(super) fn fill(target: &Arc<TargetStore>) {
    let object = ObjectName {
        namespace: "ops".into(),
        name: HOSTILE.into(),
    };
    let feed = |name: &str| {
        target.clone().register(FeedScope::Job {
            namespace: "ops".into(),
            name: name.into(),
        })
    };
    let failing = feed(HOSTILE);
    failing.push(Update::Failed(FeedError::new(HOSTILE, Some("try again"))));
    failing.push(Update::Undecodable(Change::Applied(object)));
    feed("absent").push(Update::JobAbsent);
    target.describe(TargetDescription {
        mode: Mode::Watch(selection()),
        cci: false,
        address: Some(ADDRESS.to_owned()),
    });
    count(target);
}

/// Counts one or two of each kind of event.
fn count(target: &TargetStore) {
    let request = |code| ClientEvent::Request {
        verb: Verb::List,
        code,
        duration: Duration::from_secs(1),
    };
    let expiry = CredentialExpiry {
        at: clock(),
        renewable: Renewable::No,
    };
    for event in [
        request(Code::Ok),
        request(Code::Ok),
        request(Code::Forbidden),
        ClientEvent::Event(Resource::Jobs, EventKind::Added),
        ClientEvent::WatchRestart(Resource::CronJobs, RestartReason::Expired),
        ClientEvent::CredentialExpiry(CredentialExpiries::of(Credential::Token, expiry)),
    ] {
        target.count(event);
    }
}

fn selection() -> Selection {
    Selection {
        namespaces: Namespaces {
            include: ["ops", "etl-*"].map(Pattern::from).into(),
            exclude: [Pattern::from("etl-scratch")].into(),
        },
        label_selector: Some("tier=batch".to_owned()),
        pods: true,
    }
}

/// The entry of a target.
fn entry(target: Target) -> Value {
    found(&data(vec![target]), "/targets")["targets"][0].take()
}

fn empty() -> Target {
    Target::new(None).with(Vec::new(), Vec::new())
}

#[test]
fn targets_have_their_health() {
    let targets = found(&two_targets(), "/targets");
    let targets = &targets["targets"];
    assert_eq!(column(targets, "target"), ["prod", "down"]);
    assert_eq!(column(targets, "reach"), ["up", "down"]);
    assert_eq!(targets[0]["as_of"], "2026-11-23T12:00:00Z");
    assert_eq!(targets[0]["workloads"], 3);
    assert_eq!(targets[1]["as_of"], Value::Null);
    assert_eq!(targets[1]["failing_feeds"], 2);
    assert_eq!(targets[1]["text"], "down, nothing was read yet");
    let unnamed = found(&unnamed(Vec::new(), Vec::new()), "/targets");
    assert_eq!(unnamed["targets"][0]["target"], Value::Null);
}

#[test]
fn a_target_has_the_feeds_that_fail_since_when_why_and_what_to_do() {
    let target = empty();
    let hint = Some("grant list on cronjobs.batch");
    let error = FeedError::new("list cronjobs: 403 Forbidden", hint);
    target.cronjobs.push(Update::Failed(error));
    let configured = target.store.clone().register(FeedScope::Job {
        namespace: "ops".into(),
        name: HOSTILE.into(),
    });
    configured.push(Update::Failed(FeedError::new(HOSTILE, None)));
    let target = entry(target);
    assert_eq!(target["failing_feeds"], 2);
    assert_eq!(
        target["failures"],
        json!([
            {
                "text": "CronJobs",
                "resource": "cronjobs",
                "namespace": null,
                "job_name": null,
                "since": "2026-11-23T12:00:00Z",
                "last_attempt": "2026-11-23T12:00:00Z",
                "last_success": "2026-11-23T12:00:00Z",
                "error": "list cronjobs: 403 Forbidden",
                "hint": "grant list on cronjobs.batch",
            },
            {
                "text": format!("Job ops/{HOSTILE}"),
                "resource": "jobs",
                "namespace": "ops",
                "job_name": HOSTILE,
                "since": "2026-11-23T12:00:00Z",
                "last_attempt": "2026-11-23T12:00:00Z",
                "last_success": null,
                "error": HOSTILE,
                "hint": null,
            },
        ])
    );
}

#[test]
fn undecodable_objects_and_missing_jobs_are_counted_and_named() {
    let target = empty();
    let object = |name: &str| ObjectName {
        namespace: "ops".into(),
        name: name.into(),
    };
    let many = (0..200).map(|number| object(&format!("b{number:03}")));
    let many = Change::Replaced(many.collect());
    target.jobs.push(Update::Undecodable(many));
    let one = Change::Applied(object(HOSTILE));
    target.cronjobs.push(Update::Undecodable(one));
    let configured = target.store.clone().register(FeedScope::Job {
        namespace: "ops".into(),
        name: "absent".into(),
    });
    configured.push(Update::JobAbsent);
    let target = entry(target);
    let counts = json!({"jobs": 200, "cronjobs": 1});
    assert_eq!(target["undecodable_objects"], counts);
    assert_eq!(column(&target["undecodable"], "name").len(), 100);
    assert_eq!(
        target["undecodable"][0],
        json!({"resource": "cronjobs", "namespace": "ops", "name": HOSTILE})
    );
    assert_eq!(target["missing_jobs"], 1);
    let missing = json!([{"namespace": "ops", "job_name": "absent"}]);
    assert_eq!(target["missing"], missing);
}

#[test]
fn objects_that_exist_are_counted() {
    let jobs = vec![failed("ops", "cronjob", "tick", 8)];
    let target = entry(Target::new(None).with(vec![cronjob("ops", "tick")], jobs));
    assert_eq!(target["objects"], json!({"jobs": 1, "cronjobs": 1}));
}

#[test]
fn what_the_client_counted_is_named_like_its_metrics() {
    let target = empty();
    count(&target.store);
    let target = entry(target);
    for (field, expected) in [
        (
            "api_requests",
            json!([{"verb": "list", "codes": {"200": 2, "403": 1}, "average_duration_seconds": 1.0}]),
        ),
        (
            "events",
            json!([{"resource": "jobs", "type": "added", "count": 1}]),
        ),
        (
            "watch_restarts",
            json!([{"resource": "cronjobs", "reason": "expired", "count": 1}]),
        ),
        (
            "credentials",
            json!([{"credential": "token", "renewable": false, "expiry": "2026-11-23T12:00:00Z"}]),
        ),
    ] {
        assert_eq!(target[field], expected, "{field}");
    }
}

#[test]
fn what_is_read_is_said_in_words_and_by_the_keys_of_the_configuration() {
    let load = JobReference {
        namespace: "ops".to_owned(),
        name: "load".to_owned(),
    };
    let (jobs, poll) = (vec![load], PollConfig::default());
    let reads = |mode, cci, address: Option<&str>| {
        let target = empty();
        target.store.describe(TargetDescription {
            mode,
            cci,
            address: address.map(str::to_owned),
        });
        entry(target)["reads"].take()
    };
    let selected = json!({
        "mode": "watch",
        "text": "namespaces ops, etl-* except etl-scratch, labels tier=batch, with pods",
        "configured_jobs": null,
        "namespaces": {"include": ["ops", "etl-*"], "exclude": ["etl-scratch"]},
        "label_selector": "tier=batch",
        "pods": true,
        "address": ADDRESS,
        "cci": false,
    });
    let mut polled = selected.clone();
    polled["mode"] = json!("poll");
    let watch = Mode::Watch(selection());
    assert_eq!(reads(watch, false, Some(ADDRESS)), selected);
    let lists = Mode::PollLists {
        selection: selection(),
        poll,
    };
    assert_eq!(reads(lists, false, Some(ADDRESS)), polled);
    assert_eq!(
        reads(Mode::PollJobs { jobs, poll }, true, None),
        json!({
            "mode": "poll",
            "text": "1 configured Job",
            "configured_jobs": 1,
            "namespaces": null,
            "label_selector": null,
            "pods": false,
            "address": null,
            "cci": true,
        })
    );
    assert_eq!(entry(empty())["reads"], Value::Null);
}

#[test]
fn a_shard_says_how_it_reads() {
    for (reading, expected) in [
        (
            Some((ShardReading::Selector, Some(1))),
            json!({"shard": 0, "shards": 4, "reading": "selector", "namespaces": 1,
                "text": "0 of 4, owns 1 namespace: the server selects them"}),
        ),
        (
            Some((ShardReading::Namespaces, Some(0))),
            json!({"shard": 0, "shards": 4, "reading": "namespaces", "namespaces": 0,
                "text": "0 of 4, owns 0 namespaces: each is read on its own"}),
        ),
        (
            Some((ShardReading::Skipping, None)),
            json!({"shard": 0, "shards": 4, "reading": "skipping", "namespaces": null,
                "text": "0 of 4: everything is received, and the rest skipped"}),
        ),
        (
            None,
            json!({"shard": 0, "shards": 4, "reading": null, "namespaces": null, "text": "0 of 4"}),
        ),
    ] {
        let settings = StoreSettings {
            shard: Shard::new(0, 4),
            ..StoreSettings::default()
        };
        let store = TargetStore::new(None, settings.into());
        if let Some((reading, namespaces)) = reading {
            store.set_shard_reading(reading, namespaces);
        }
        let detail = TargetDetail::new(&store.complete_snapshot());
        let entry = serde_json::to_value(TargetEntry::from(&detail)).unwrap();
        assert_eq!(entry["shard"], expected);
    }
}
