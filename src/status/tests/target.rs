//! What the page of targets shows.

use std::time::Duration;

use super::*;
use crate::{
    config::{JobReference, Mode, Namespaces, Pattern, PollConfig, Selection},
    model::{
        ClientEvent, Code, Credential, CredentialExpiries, CredentialExpiry, EventCounter as _,
        EventKind, ObjectName, Renewable, Resource, Verb,
    },
    store::{TargetDescription, TargetDetails},
};

fn detail(scene: &Scene) -> TargetDetail {
    TargetDetail::new(&scene.snapshot())
}

fn object(name: &str) -> ObjectName {
    ObjectName {
        namespace: "ops".into(),
        name: name.into(),
    }
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().copied().map(Pattern::from).collect()
}

#[test]
fn a_failing_feed_comes_first_with_its_last_error_and_since_when_it_fails() {
    let scene = Scene::new();
    let hint = Some("grant list on cronjobs.batch");
    NOW.set(MIDNIGHT + HOUR);
    let fail = |message| {
        let error = FeedError::new(message, hint);
        scene.cronjobs.push(Update::Failed(error));
    };
    fail("list cronjobs: timeout");
    NOW.set(MIDNIGHT + 2 * HOUR);
    fail("list cronjobs: 403 Forbidden");
    let detail = detail(&scene);
    let [failing, working] = &detail.feeds[..] else {
        panic!("two feeds: {:?}", detail.feeds)
    };
    assert_eq!(failing.scope, FeedScope::CronJobs(None));
    assert_eq!(
        failing.last_success.map(Timestamp::as_second),
        Some(MIDNIGHT)
    );
    let failure = failing.failure.as_ref().expect("it fails");
    assert_eq!(failure.since.as_second(), MIDNIGHT + HOUR);
    assert_eq!(failure.last_attempt.as_second(), MIDNIGHT + 2 * HOUR);
    assert_eq!(
        failure.error,
        FeedError::new("list cronjobs: 403 Forbidden", hint)
    );
    assert_eq!(working.scope, FeedScope::Jobs(None));
    assert_eq!(working.failure, None);
}

#[test]
fn a_list_alone_does_not_end_a_failure_and_contact_does() {
    let scene = Scene::new();
    scene.jobs.push(Update::Failed(FeedError::new("a", None)));
    scene.read();
    assert!(detail(&scene).feeds[0].failure.is_some());
    scene.jobs.push(Update::Contact);
    assert!(detail(&scene).feeds.iter().all(|it| it.failure.is_none()));
    // The next outage begins later.
    NOW.set(MIDNIGHT + HOUR);
    scene.jobs.push(Update::Failed(FeedError::new("b", None)));
    let failure = detail(&scene).feeds[0].failure.clone().expect("it fails");
    assert_eq!(failure.since.as_second(), MIDNIGHT + HOUR);
}

#[test]
fn a_scrape_does_not_pay_for_what_people_ask() {
    let scene = Scene::new();
    assert!(scene.store.snapshot().details.is_none());
    assert!(scene.snapshot().details.is_some());
}

#[test]
fn undecodable_objects_are_listed_by_name_up_to_a_bound() {
    let scene = Scene::new();
    let many = (0..200).map(|number| object(&format!("b{number:03}")));
    let many = Change::Replaced(many.collect());
    scene.jobs.push(Update::Undecodable(many));
    let one = Change::Applied(object("a"));
    scene.cronjobs.push(Update::Undecodable(one));
    let detail = detail(&scene);
    assert_eq!(detail.undecodable.len(), TargetDetails::MAX_LISTED);
    assert_eq!(detail.status.undecodable_jobs, 200);
    let names = detail.undecodable.iter().take(2);
    let names: Vec<_> = names.map(|it| (it.resource, &*it.name)).collect();
    assert_eq!(names, [(Resource::CronJobs, "a"), (Resource::Jobs, "b000")]);
}

#[test]
fn configured_jobs_that_do_not_exist_are_listed_by_name() {
    let scene = Scene::new();
    let configured = |name: &str| {
        scene.store.clone().register(FeedScope::Job {
            namespace: "ops".into(),
            name: name.into(),
        })
    };
    configured("missing").push(Update::JobAbsent);
    configured("unknown");
    let missing = detail(&scene).missing_jobs;
    assert_eq!(missing, [("ops".into(), "missing".into())]);
}

#[test]
fn requests_are_grouped_by_verb_with_their_average_duration() {
    let scene = Scene::new();
    let request = |code, seconds| {
        scene.store.count(ClientEvent::Request {
            verb: Verb::List,
            code,
            duration: Duration::from_secs(seconds),
        });
    };
    request(Code::Ok, 1);
    request(Code::Ok, 2);
    request(Code::Forbidden, 3);
    let event = ClientEvent::Event(Resource::Jobs, EventKind::Added);
    scene.store.count(event);
    let expiry = CredentialExpiry {
        at: clock(),
        renewable: Renewable::No,
    };
    let expiries = CredentialExpiries::of(Credential::Token, expiry);
    scene.store.count(ClientEvent::CredentialExpiry(expiries));
    let detail = detail(&scene);
    let list = VerbRequests {
        verb: Verb::List,
        codes: vec![(Code::Ok, 2), (Code::Forbidden, 1)],
        average_duration: 2.0,
    };
    assert_eq!(detail.requests, [list]);
    assert_eq!(detail.events, [(Resource::Jobs, EventKind::Added, 1)]);
    assert_eq!(detail.watch_restarts, []);
    assert_eq!(detail.credentials, [(Credential::Token, expiry)]);
}

#[test]
fn what_is_read_is_said_in_words() {
    let watch = |include: &[&str], exclude: &[&str], selector: Option<&str>| {
        Mode::Watch(Selection {
            namespaces: Namespaces {
                include: patterns(include),
                exclude: patterns(exclude),
            },
            label_selector: selector.map(str::to_owned),
            pods: false,
        })
    };
    let jobs = ["a", "b"].map(|name| JobReference {
        namespace: "ops".to_owned(),
        name: name.to_owned(),
    });
    let poll = Mode::PollJobs {
        jobs: jobs.into(),
        poll: PollConfig::default(),
    };
    for (mode, words) in [
        (watch(&[], &[], None), "all namespaces"),
        (watch(&["a"], &[], None), "namespace a"),
        (
            watch(&["a", "b-*"], &["b-x"], Some("tier=batch")),
            "namespaces a, b-* except b-x, labels tier=batch",
        ),
        (poll, "2 configured Jobs"),
    ] {
        assert_eq!(phrases::scope(&mode), words);
    }
}

#[test]
fn a_target_is_described_as_it_was_last_planned() {
    let scene = Scene::new();
    assert_eq!(detail(&scene).description, None);
    for address in ["https://a.example", "https://b.example"] {
        let description = TargetDescription {
            mode: Mode::Watch(Selection::default()),
            cci: false,
            address: Some(address.to_owned()),
        };
        scene.store.describe(description.clone());
        assert_eq!(detail(&scene).description.as_deref(), Some(&description));
    }
}
