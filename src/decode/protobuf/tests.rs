//! Recorded answers of an API server: the same objects in both formats, and what is wrong with broken ones.

use super::*;
use crate::{
    client::BodyFormat,
    config::testing,
    decode::{self, Body, Bookmark, Decoder, MetadataFilter, Object, Page},
    model::Resource,
};

const JOBS_JSON: &[u8] =
    include_bytes!("../../../tests/fixtures/kubernetes-1.36/protobuf/jobs.json");
const JOBS: &[u8] = include_bytes!("../../../tests/fixtures/kubernetes-1.36/protobuf/jobs.pb");
const CRONJOBS_JSON: &[u8] =
    include_bytes!("../../../tests/fixtures/kubernetes-1.36/protobuf/cronjobs.json");
const CRONJOBS: &[u8] =
    include_bytes!("../../../tests/fixtures/kubernetes-1.36/protobuf/cronjobs.pb");
const PAGES: [&[u8]; 2] = [
    include_bytes!("../../../tests/fixtures/kubernetes-1.36/protobuf/page-1.pb"),
    include_bytes!("../../../tests/fixtures/kubernetes-1.36/protobuf/page-2.pb"),
];
const WATCH_LISTS: [&[u8]; 2] = [
    include_bytes!("../../../tests/fixtures/kubernetes-1.36/protobuf/watch/watch-list.pb"),
    include_bytes!("../../../tests/fixtures/kubernetes-1.36/protobuf/watch/watch-list-cronjobs.pb"),
];

/// A decoder that keeps as much of the objects as possible.
fn decoder() -> Decoder {
    let config = testing::from_variables(&[
        ("LABELS", "{team: team, owner: 'annotation:owner'}"),
        ("WORKLOAD_LABEL", "app.kubernetes.io/part-of"),
        (
            "METRICS__KUBE_STATE_METRICS",
            "{enabled: true, job_labels: ['*'], job_annotations: ['*'], cronjob_labels: ['*'], cronjob_annotations: ['*']}",
        ),
    ]);
    Decoder::new(MetadataFilter::from_config(&config).into())
}

fn page(bytes: &[u8], resource: Resource) -> Page<'_> {
    let page = decode::protobuf_page(bytes).unwrap();
    assert_eq!(page.unexpected_kind(resource), None);
    page
}

/// The events of a recorded watch.
fn lines(mut watch: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some((length, rest)) = watch.split_first_chunk() {
        let (line, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        lines.push(line);
        watch = rest;
    }
    lines
}

#[test]
fn the_records_of_both_formats_are_equal() {
    let mut decoder = decoder();
    let json = decode::page(JOBS_JSON).unwrap();
    let protobuf = page(JOBS, Resource::Jobs);
    assert_eq!((json.len(), protobuf.len()), (84, 84));
    for (json, protobuf) in json.items().zip(protobuf.items()) {
        assert_eq!(decode::version(json), decode::version(protobuf));
        assert_eq!(decoder.job(json).unwrap(), decoder.job(protobuf).unwrap());
    }
    let json = decode::page(CRONJOBS_JSON).unwrap();
    let protobuf = page(CRONJOBS, Resource::CronJobs);
    assert_eq!((json.len(), protobuf.len()), (12, 12));
    for (json, protobuf) in json.items().zip(protobuf.items()) {
        let expected = decoder.cronjob(json).unwrap();
        assert_eq!(decoder.cronjob(protobuf).unwrap(), expected);
    }
}

#[test]
fn the_owners_of_jobs_are_equal_in_both_formats() {
    let json = decode::page(include_bytes!("../../../tests/fixtures/owners/jobs.json")).unwrap();
    let protobuf = include_bytes!("../../../tests/fixtures/owners/jobs.pb");
    let protobuf = page(protobuf, Resource::Jobs);
    let mut decoder = decoder();
    let mut owners = std::collections::HashSet::new();
    for (json, protobuf) in json.items().zip(protobuf.items()) {
        let job = decoder.job(protobuf).unwrap();
        owners.extend(job.template.owner_uid.clone());
        assert_eq!(decoder.job(json).unwrap(), job);
    }
    assert_eq!((json.len(), protobuf.len(), owners.len()), (14, 14, 6));
}

#[test]
fn the_pages_of_a_list_lead_to_each_other() {
    let [first, last] = PAGES.map(|bytes| page(bytes, Resource::Jobs));
    assert_eq!((first.len(), last.len()), (60, 24));
    assert_eq!(first.metadata.remaining_item_count, Some(24));
    let token = |page: &Page<'_>| page.metadata.continue_token.clone().unwrap_or_default();
    assert!(token(&first).starts_with("eyJ"));
    assert_eq!(token(&last), "");
    assert_eq!(
        first.metadata.resource_version,
        last.metadata.resource_version
    );
    assert_eq!(first.unexpected_kind(Resource::CronJobs), Some("JobList"));
}

#[test]
fn a_streamed_list_has_the_objects_of_the_list_and_ends_with_a_bookmark() {
    let (mut expected, mut streamed) = (decoder(), decoder());
    let jobs = page(JOBS, Resource::Jobs);
    let mut lists = WATCH_LISTS.map(lines).into_iter();
    let (jobs_lines, cronjob_lines) = (lists.next().unwrap(), lists.next().unwrap());
    assert_eq!((jobs_lines.len(), cronjob_lines.len()), (85, 13));
    let mut found: Vec<_> = jobs_lines[..84]
        .iter()
        .map(|line| {
            let body = Body::new(BodyFormat::Protobuf, line);
            let event = body.event().unwrap();
            assert_eq!(event.kind, "ADDED");
            streamed.job(event.object).unwrap()
        })
        .collect();
    let mut listed: Vec<_> = jobs.items().map(|job| expected.job(job).unwrap()).collect();
    let key = |job: &crate::model::Job| (job.namespace().to_string(), job.name.to_string());
    found.sort_by_key(key);
    listed.sort_by_key(key);
    assert_eq!(found, listed);
    for line in [jobs_lines[84], cronjob_lines[12]] {
        let event = decode::watch_event::protobuf_event(line).unwrap();
        assert_eq!(event.kind, "BOOKMARK");
        let bookmark = Bookmark::read(event.object).unwrap();
        assert!(bookmark.ends_initial_list());
        assert!(bookmark.metadata.resource_version.parse::<u64>().is_ok());
    }
}

#[test]
fn an_object_that_is_cut_off_is_an_error_that_names_it_as_far_as_possible() {
    let mut decoder = decoder();
    let jobs = page(JOBS, Resource::Jobs);
    let Some(Object::Protobuf(job)) = jobs.items().next() else {
        panic!("no job")
    };
    let expected = decoder.job(Object::Protobuf(job)).unwrap();
    let mut named = 0;
    for length in 0..job.bytes.len() {
        let cut = Message::untyped(&job.bytes[..length]);
        match decoder.job(Object::Protobuf(cut)) {
            // The end of metadata or spec.
            Ok(part) => assert_eq!(part.name, expected.name),
            Err(error) if error.is_about(expected.namespace(), &expected.name) => named += 1,
            Err(error) => assert_eq!(error.object_name().name.as_ref(), "?", "{error}"),
        }
    }
    assert!(named > job.bytes.len() / 4, "{named}");
}

#[test]
fn a_status_or_json_is_no_page() {
    let status =
        include_bytes!("../../../tests/fixtures/kubernetes-1.36/protobuf/errors/404-job.pb");
    let page = decode::protobuf_page(status).unwrap();
    assert_eq!(page.unexpected_kind(Resource::Jobs), Some("Status"));
    let error = decode::protobuf_page(b"{}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "it does not begin like a protobuf object of Kubernetes"
    );
}

#[test]
fn a_bad_object_does_not_take_the_others_with_it() {
    let job = |name: &[u8]| [&[0x0a, 5 + 3, 0x0a, 3][..], name, &[0x1a, 1, b'n']].concat();
    let items = [job(b"one"), job(b"\xff\xfe\xfd"), job(b"two")];
    let items: Vec<u8> = items
        .iter()
        .flat_map(|job| [&[0x12, 10][..], job].concat())
        .collect();
    let list = [b"k8s\0\x0a\x09\x12\x07JobList\x12", &[36][..], &items].concat();
    let page = page(&list, Resource::Jobs);
    let mut decoder = decoder();
    let results: Vec<_> = page.items().map(|item| decoder.job(item)).collect();
    let [Ok(one), Err(bad), Ok(two)] = &results[..] else {
        panic!("{results:?}")
    };
    assert_eq!((&*one.name, &*two.name), ("one", "two"));
    assert_eq!(bad.to_string(), "decode n/?");
    let cause = bad.cause().to_string();
    assert_eq!(cause, "the protobuf message has a text that is not UTF-8");
}

#[test]
fn times_are_those_that_json_can_say() {
    let of = |seconds: i64| OptionalTime::new::<serde_json::Error>(seconds);
    for text in [
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
    ] {
        let parsed = decode::wire::parse_time(text).unwrap();
        assert_eq!(of(parsed).unwrap().seconds(), Some(parsed), "{text}");
    }
    let last = decode::wire::parse_time("9999-12-31T23:59:59Z").unwrap();
    assert_eq!(of(253_402_300_799).unwrap().seconds(), Some(last));
    for seconds in [253_402_300_800, i64::MAX, -62_167_219_201, i64::MIN] {
        assert!(of(seconds).is_err(), "{seconds}");
    }
}
