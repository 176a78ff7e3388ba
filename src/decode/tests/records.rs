//! Whatever an object has is in its record, and nothing else.

use proptest::{option, prelude::*, sample::select};
use serde_json::{Value, json};

use super::*;
use crate::{
    config::LabelSource,
    model::{CompletionMode, Seconds, WorkloadAnnotations},
};

/// The date of a number of seconds since the epoch.
fn date(seconds: Seconds) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

fn time() -> impl Strategy<Value = Option<Seconds>> {
    option::of(-60_000_000_000..250_000_000_000_i64)
}

fn count() -> impl Strategy<Value = Option<i32>> {
    let rare = select(vec![i32::MIN + 1, -1, 0, 1, i32::MAX]);
    option::of(prop_oneof![rare, any::<i32>()])
}

/// Names around the length that fits into a record.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,12}", "[a-zä]{30,45}", "[a-z]{253}"]
}

#[derive(Clone, Debug)]
struct Metadata {
    name: String,
    uid: String,
    owner: Option<String>,
    team: Option<String>,
    severity: Option<String>,
    created: Option<Seconds>,
    due: Option<Seconds>,
    manual: bool,
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let uid = prop_oneof![
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[a-z]{0,40}"
    ];
    let texts = (
        name(),
        uid,
        option::of(name()),
        option::of("[a-z]{1,9}"),
        option::of("[a-z]{1,9}"),
    );
    (texts, time(), time(), any::<bool>()).prop_map(
        |((name, uid, owner, team, severity), created, due, manual)| Metadata {
            name,
            uid,
            owner,
            team,
            severity,
            created,
            due,
            manual,
        },
    )
}

#[derive(Clone, Debug)]
struct Spec {
    numbers: [Option<i32>; 4],
    deadline: Option<i64>,
    mode: Option<&'static str>,
    managed_by: Option<String>,
}

fn spec() -> impl Strategy<Value = Spec> {
    let mode = option::of(select(vec!["NonIndexed", "Indexed"]));
    let numbers = prop::array::uniform4(count());
    (
        numbers,
        option::of(any::<i64>()),
        mode,
        option::of("[a-z/]{1,20}"),
    )
        .prop_map(|(numbers, deadline, mode, managed_by)| Spec {
            numbers,
            deadline,
            mode,
            managed_by,
        })
}

#[derive(Clone, Debug)]
struct Status {
    counts: [Option<i32>; 5],
    start: Option<Seconds>,
    condition: Option<(&'static str, Option<Seconds>)>,
    indexes: Option<u32>,
}

fn status() -> impl Strategy<Value = Status> {
    let kinds = vec![
        "Complete",
        "Failed",
        "Suspended",
        "FailureTarget",
        "SuccessCriteriaMet",
    ];
    let condition = option::of((select(kinds), time()));
    let counts = prop::array::uniform5(count());
    (counts, time(), condition, option::of(any::<u32>())).prop_map(
        |(counts, start, condition, indexes)| Status {
            counts,
            start,
            condition,
            indexes,
        },
    )
}

fn object(metadata: &Metadata, spec: &Spec, status: &Status) -> Value {
    let owner = metadata
        .owner
        .as_ref()
        .map(|name| json!([{"kind": "CronJob", "name": name, "controller": true}]));
    let conditions = status.condition.map(|(kind, since)| {
        json!([{"type": kind, "status": "True", "reason": "DeadlineExceeded", "lastTransitionTime": since.map(date)}])
    });
    json!({
        "metadata": {
            "namespace": "maths",
            "name": metadata.name,
            "uid": metadata.uid,
            "creationTimestamp": metadata.created.map(date),
            "ownerReferences": owner,
            "labels": {"team": metadata.team},
            "annotations": {
                "job-status-exporter/severity": metadata.severity,
                "batch.kubernetes.io/cronjob-scheduled-timestamp": metadata.due.map(date),
                "cronjob.kubernetes.io/instantiate": metadata.manual.then_some("manual"),
            },
        },
        "spec": {
            "parallelism": spec.numbers[0],
            "completions": spec.numbers[1],
            "backoffLimit": spec.numbers[2],
            "ttlSecondsAfterFinished": spec.numbers[3],
            "activeDeadlineSeconds": spec.deadline,
            "completionMode": spec.mode,
            "managedBy": spec.managed_by,
        },
        "status": {
            "active": status.counts[0],
            "succeeded": status.counts[1],
            "failed": status.counts[2],
            "ready": status.counts[3],
            "terminating": status.counts[4],
            "startTime": status.start.map(date),
            "completedIndexes": status.indexes.map(|last| format!("0-{last}")),
            "conditions": conditions,
        },
    })
}

fn decoder() -> Decoder {
    Decoder::new(Arc::new(MetadataFilter {
        mapped_labels: vec![LabelSource::Label("team".to_owned())],
        ..MetadataFilter::default()
    }))
}

proptest! {
    #[test]
    fn a_record_has_exactly_what_the_object_has(metadata in metadata(), spec in spec(), status in status()) {
        let job = decoder().job(&object(&metadata, &spec, &status).to_string()).unwrap();
        prop_assert_eq!(&**job.namespace(), "maths");
        prop_assert_eq!(&*job.name, &metadata.name);
        prop_assert_eq!(job.uid.to_string(), metadata.uid);
        let kind = if metadata.owner.is_some() { "cronjob" } else { "job" };
        prop_assert_eq!(&**job.workload_kind(), kind);
        prop_assert_eq!(job.workload_name(), metadata.owner.as_ref().unwrap_or(&metadata.name));
        prop_assert_eq!([job.created.get(), job.due.get(), job.start.get()], [metadata.created, metadata.due, status.start]);
        prop_assert_eq!((job.manual, job.ignored), (metadata.manual, false));
        let labels = job.shown_labels().map(|values| values.iter().map(ToString::to_string).collect());
        prop_assert_eq!(labels, Some(vec![metadata.team.unwrap_or_default()]));
        let annotations = metadata.severity.map(|severity| WorkloadAnnotations {
            severity: Some(severity.into()),
            ..WorkloadAnnotations::default()
        });
        prop_assert_eq!(job.annotations(), annotations.as_ref());
        let template = &job.template;
        let numbers = [template.parallelism, template.completions, template.backoff_limit, template.ttl];
        prop_assert_eq!(numbers, spec.numbers);
        prop_assert_eq!(template.active_deadline.get(), spec.deadline);
        prop_assert_eq!(template.completion_mode.map(CompletionMode::as_str), spec.mode);
        prop_assert_eq!(template.managed_by.as_deref(), spec.managed_by.as_deref());
        let pods = job.pods;
        prop_assert_eq!([Some(pods.active), Some(pods.succeeded), Some(pods.failed)], [0, 1, 2].map(|at: usize| status.counts[at].or(Some(0))));
        let kept = |count: Option<i32>| count.map(|count| count.max(i32::MIN + 1));
        prop_assert_eq!([pods.ready.get(), pods.terminating.get()], [kept(status.counts[3]), kept(status.counts[4])]);
        let indexes = (spec.mode == Some("Indexed")).then(|| status.indexes.map_or(0, |last| u64::from(last) + 1));
        prop_assert_eq!((job.completed_indexes(), job.failed_indexes()), (indexes, None));
        let since = |kinds: &[&str]| status.condition.filter(|(kind, _)| kinds.contains(kind)).and_then(|(_, since)| since);
        prop_assert_eq!(job.end(), since(&["Complete", "Failed"]));
        prop_assert_eq!(job.suspended_since(), since(&["Suspended"]));
        prop_assert_eq!(job.ending_since(), since(&["FailureTarget", "SuccessCriteriaMet"]));
        let failed = matches!(status.condition, Some(("Failed", _)));
        prop_assert_eq!(job.failure, failed.then_some(FailureReason::DeadlineExceeded));
        prop_assert_eq!(job.ksm(), None);
    }

    /// Records of two decoders share nothing.
    #[test]
    fn records_are_equal_if_their_objects_are(metadata in metadata(), spec in spec(), status in status()) {
        let (mut one, mut other) = (decoder(), decoder());
        let json = object(&metadata, &spec, &status);
        let job = one.job(&json.to_string()).unwrap();
        prop_assert_eq!(&job, &other.job(&json.to_string()).unwrap());
        let changes = [
            ("/metadata/name", json!("-")),
            ("/metadata/uid", json!("-")),
            ("/metadata/ownerReferences", json!([{"kind": "CronJob", "name": "-", "controller": true}])),
            ("/metadata/labels/team", json!("-")),
            ("/metadata/annotations/job-status-exporter~1severity", json!("-")),
            ("/metadata/creationTimestamp", json!(date(metadata.created.map_or(0, |at| at + 1)))),
            ("/spec/parallelism", json!(spec.numbers[0].map_or(0, |number| number ^ 1))),
            ("/spec/activeDeadlineSeconds", json!(spec.deadline.map_or(0, |deadline| deadline ^ 1))),
            ("/status/ready", json!(status.counts[3].map_or(0, |ready| ready ^ 2))),
            ("/status/startTime", json!(date(status.start.map_or(0, |at| at + 1)))),
        ];
        for (place, value) in changes {
            let mut changed = json.clone();
            *changed.pointer_mut(place).unwrap() = value;
            for decoder in [&mut one, &mut other] {
                prop_assert_ne!(&job, &decoder.job(&changed.to_string()).unwrap(), "{}", place);
            }
        }
    }
}
