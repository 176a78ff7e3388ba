//! One small case per rule. The golden tests cover whole recorded responses.

use serde_json::json;

use super::{job::count_indexes, *};
use crate::model::{ConcurrencyPolicy, FailureReason, JobState, Name, PodCounts, Resource};

mod limits;
mod records;
mod times;

fn decode(spec: &serde_json::Value, status: &serde_json::Value) -> Job {
    let object = json!({
        "metadata": {"name": "pi", "namespace": "maths", "uid": "4ba7b5e6-d01a-4327-95ea-e845886801bc"},
        "spec": spec,
        "status": status,
    });
    Decoder::default().job(&object.to_string()).unwrap()
}

fn condition(kind: &str, status: &str) -> serde_json::Value {
    json!({"type": kind, "status": status, "reason": "BackoffLimitExceeded", "lastTransitionTime": "2026-11-23T14:23:26Z"})
}

#[test]
fn the_state_follows_from_spec_conditions_and_pods() {
    use JobState::{Complete, Failed, Failing, Pending, Running, Succeeding, Suspended};
    let cases = [
        (json!({}), json!({}), Pending),
        (json!(null), json!(null), Pending),
        (json!({}), json!({"active": 2, "ready": 0}), Pending),
        (json!({}), json!({"active": 2, "ready": 1}), Running),
        (json!({}), json!({"active": 2}), Running), // before 1.24
        (json!({}), json!({"ready": 0, "failed": 1}), Running), // waits for a retry
        (json!({}), json!({"ready": 0, "succeeded": 1}), Running),
        (
            json!({"suspend": true}),
            json!({"conditions": [condition("Suspended", "True")]}),
            Suspended,
        ),
        (json!({"suspend": true}), json!({}), Suspended), // before the controller sets the condition
        (
            json!({"suspend": false}),
            json!({"ready": 1, "conditions": [condition("Suspended", "False")]}),
            Running,
        ),
        (
            json!({}),
            json!({"conditions": [condition("FailureTarget", "True")], "terminating": 1}),
            Failing,
        ),
        (
            json!({}),
            json!({"conditions": [condition("SuccessCriteriaMet", "True")]}),
            Succeeding,
        ),
        (
            json!({}),
            json!({"conditions": [condition("SuccessCriteriaMet", "True"), condition("Complete", "True")]}),
            Complete,
        ),
        (
            json!({}),
            json!({"conditions": [condition("FailureTarget", "True"), condition("Failed", "True")]}),
            Failed,
        ),
        (
            json!({}),
            json!({"conditions": [condition("Failed", "Unknown")], "ready": 1}),
            Running,
        ),
        (json!({"parallelism": 0}), json!({}), Suspended),
        (
            json!({"parallelism": 0}), // its last pods are terminating
            json!({"active": 1, "ready": 1}),
            Suspended,
        ),
        (
            json!({"parallelism": 0}),
            json!({"conditions": [condition("Complete", "True")]}),
            Complete,
        ),
        (
            json!({"suspend": true}), // an Indexed Job that was also shrunk
            json!({"conditions": [condition("SuccessCriteriaMet", "True"), condition("Suspended", "True")]}),
            Suspended,
        ),
        (
            json!({"suspend": true}),
            json!({"conditions": [condition("FailureTarget", "True")], "terminating": 1}),
            Failing,
        ),
        (
            json!({"suspend": false}), // before the controller resumes it
            json!({"conditions": [condition("Suspended", "True")]}),
            Suspended,
        ),
        (
            json!({"suspend": true}),
            json!({"conditions": [condition("Failed", "True")]}),
            Failed,
        ),
    ];
    for (spec, status, expected) in cases {
        assert_eq!(decode(&spec, &status).state, expected, "{spec} {status}");
    }
}

#[test]
fn failure_reasons_are_a_closed_set() {
    let reason = |text: serde_json::Value| {
        decode(
            &json!({}),
            &json!({"conditions": [{"type": "Failed", "status": "True", "reason": text}]}),
        )
        .failure
    };
    for known in [
        "BackoffLimitExceeded",
        "DeadlineExceeded",
        "PodFailurePolicy",
        "FailedIndexes",
        "MaxFailedIndexesExceeded",
    ] {
        assert_eq!(reason(json!(known)).map(FailureReason::as_str), Some(known));
    }
    assert_eq!(reason(json!("Whatever")), Some(FailureReason::Other));
    assert_eq!(reason(json!(null)), Some(FailureReason::Other));
    assert_eq!(
        decode(
            &json!({}),
            &json!({"conditions": [condition("FailureTarget", "True")]})
        )
        .failure,
        None
    );
}

#[test]
fn absent_counts_are_zero_only_where_the_api_omits_zeros() {
    let pods = decode(&json!({}), &json!({})).pods;
    assert_eq!(
        pods,
        PodCounts {
            active: 0,
            succeeded: 0,
            failed: 0,
            ready: None.into(),
            terminating: None.into()
        }
    );
    let pods = decode(
        &json!({}),
        &json!({"ready": 0, "terminating": 2, "failed": null}),
    )
    .pods;
    assert_eq!(
        pods,
        PodCounts {
            active: 0,
            succeeded: 0,
            failed: 0,
            ready: Some(0).into(),
            terminating: Some(2).into()
        }
    );
}

#[test]
fn indexes_are_counted_without_expanding_the_ranges() {
    for (text, expected) in [
        ("", Some(0)),
        ("7", Some(1)),
        ("1,3-5,7", Some(5)),
        ("0-99999999999", Some(100_000_000_000)),
        ("5-1", None),
        ("1,,2", None),
        ("a", None),
        ("-1", None),
        ("0-18446744073709551615", None),
    ] {
        assert_eq!(count_indexes(text), expected, "{text}");
    }
    let indexed = json!({"completionMode": "Indexed"});
    let status = json!({"completedIndexes": "0,2-3", "failedIndexes": "1"});
    assert_eq!(decode(&indexed, &status).completed_indexes(), Some(3));
    assert_eq!(decode(&indexed, &status).failed_indexes(), None); // without a limit per index the API has no such set
    assert_eq!(decode(&indexed, &json!({})).completed_indexes(), Some(0));
    assert_eq!(
        decode(&json!({"completionMode": "NonIndexed"}), &json!({})).completed_indexes(),
        None
    );
    let per_index = json!({"completionMode": "Indexed", "backoffLimitPerIndex": 0});
    assert_eq!(decode(&per_index, &status).failed_indexes(), Some(1));
    assert_eq!(decode(&per_index, &json!({})).failed_indexes(), Some(0));
}

#[test]
fn strings_are_shared_between_records() {
    let mut decoder = Decoder::default();
    let object = |name: &str| {
        let owner = json!([{"kind": "CronJob", "name": "nightly", "controller": true}]);
        json!({"metadata": {"name": name, "namespace": "maths", "ownerReferences": owner}})
            .to_string()
    };
    let (a, b) = (
        decoder.job(&object("a")).unwrap(),
        decoder.job(&object("b")).unwrap(),
    );
    assert!(Arc::ptr_eq(&a.template, &b.template));
    let [alone, other] = ["a", "b"].map(|name| {
        let json = json!({"metadata": {"name": name, "namespace": "maths"}});
        decoder.job(&json.to_string()).unwrap()
    });
    assert!(Arc::ptr_eq(&alone.template, &other.template));
    assert_eq!([alone.workload_name(), other.workload_name()], ["a", "b"]);
    assert!(Name::ptr_eq(alone.namespace(), a.namespace()));
}

#[test]
fn unusual_but_valid_objects_are_decoded() {
    let mut decoder = Decoder::default();
    // From a 1.19 server with its own extensions.
    let old = r#"{"metadata":{"name":"pi","namespace":"n","creationTimestamp":null,"selfLink":"/x","enable":true,"clusterName":""},
        "spec":{"template":{"metadata":{"creationTimestamp":null}}},"status":{"startTime":"2018-09-05T01:10:59Z","active":1}}"#;
    let old = decoder.job(old).unwrap();
    assert_eq!(
        (old.created.get(), old.start.get(), old.pods.active),
        (None, Some(1_536_109_859), 1)
    );
    let escaped = decoder
        .job(r#"{"metadata":{"name":"\u00fc\n\"","namespace":"n"}}"#)
        .unwrap();
    assert_eq!(&*escaped.name, "ü\n\"");
    let fraction = decoder.job(r#"{"metadata":{"name":"a","namespace":"n","creationTimestamp":"2026-11-23T15:23:26.9+01:00"}}"#);
    assert_eq!(fraction.unwrap().created.get(), Some(1_795_443_806));
}

#[test]
fn errors_name_the_object() {
    let mut decoder = Decoder::default();
    let mut error = |json: &str| decoder.job(json).unwrap_err().to_string();
    let wrong = r#"{"metadata":{"name":"pi","namespace":"maths"},"status":{"active":"two"}}"#;
    assert_eq!(error(wrong), "decode maths/pi");
    let date = r#"{"metadata":{"name":"pi","namespace":"maths","creationTimestamp":"yesterday"}}"#;
    assert_eq!(error(date), "decode maths/pi");
    assert_eq!(error(r#"{"metadata":{"name":"pi"}}"#), "decode ?/pi");
    assert_eq!(
        error(r#"{"metadata":{"name":"pi","namespace":"maths"}"#),
        "decode ?/?"
    );
    assert_eq!(error("[]"), "decode ?/?");
    assert_eq!(error(""), "decode ?/?");
    let long = format!(r#"{{"metadata":{{"name":"{}"}}}}"#, "x".repeat(100_000));
    assert!(error(&long).len() < 300);
}

#[test]
fn cronjobs_are_decoded() {
    let object = json!({
        "metadata": {"name": "tick", "namespace": "ops", "uid": "u", "creationTimestamp": "2026-11-23T14:23:26Z"},
        "spec": {"schedule": "*/5 * * * *", "timeZone": "Europe/Berlin", "concurrencyPolicy": "Forbid", "suspend": true,
                 "startingDeadlineSeconds": 200, "successfulJobsHistoryLimit": 3, "jobTemplate": {"spec": {}}},
        "status": {"active": [{"kind": "Job"}, {"kind": "Job"}], "lastScheduleTime": "2026-11-23T14:23:26Z"},
    });
    let decoded = Decoder::default().cronjob(&object.to_string()).unwrap();
    assert_eq!(&*decoded.schedule, "*/5 * * * *");
    assert_eq!(decoded.time_zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(decoded.concurrency_policy, Some(ConcurrencyPolicy::Forbid));
    assert!(decoded.suspended);
    assert_eq!(
        (decoded.active_jobs, decoded.starting_deadline),
        (2, Some(200))
    );
    assert_eq!(
        (
            decoded.successful_history_limit,
            decoded.failed_history_limit
        ),
        (Some(3), None)
    );
    assert_eq!(
        (decoded.last_schedule, decoded.last_success),
        (Some(1_795_443_806), None)
    );
    let empty = Decoder::default()
        .cronjob(r#"{"metadata":{"name":"a","namespace":"b"},"spec":null}"#)
        .unwrap();
    assert_eq!(
        (empty.suspended, empty.active_jobs, empty.last_schedule),
        (false, 0, None)
    );
}

#[test]
fn an_object_that_cannot_be_decoded_has_its_name_whatever_is_wrong_with_it() {
    let metadata = r#""metadata":{"namespace":"etl","name":"a","uid":"u"}"#;
    let of_metadata = |field: &str| {
        format!(r#"{{"metadata":{{{field},"namespace":"etl","name":"a"}},"spec":{{}}}}"#)
    };
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let digits = "9".repeat(100_000);
    for object in [
        format!(r#"{{{metadata},"status":{{"active":{deep}}}}}"#),
        format!(r#"{{{metadata},"status":{{"active":{digits}}}}}"#),
        format!(r#"{{{metadata},"status":{{"active":1e999}}}}"#),
        format!(r#"{{{metadata},"status":{{"active":1,"active":2}}}}"#),
        format!(r#"{{{metadata},"status":{{}},"status":{{}}}}"#),
        format!(r#"{{{metadata},"kind":"Pod","apiVersion":"v1"}}"#),
        format!(r#"{{{metadata},"kind":"Job","apiVersion":"batch.volcano.sh/v1alpha1"}}"#),
        of_metadata(r#""name":"b""#),
        of_metadata(&format!(r#""annotations":{deep}"#)),
        of_metadata(&format!(r#""uid":{deep}"#)),
        of_metadata(&format!(r#""uid":"{}""#, text(b"\xff"))),
    ] {
        let error = Decoder::default().job(&object).unwrap_err();
        let start: String = object.chars().take(200).collect();
        assert_eq!(error.to_string(), "decode etl/a", "{start}");
        assert!(error.cause().to_string().len() < 300, "{start}");
    }
    // What is skipped does not matter.
    for ignored in [deep, digits, format!("\"{}\"", text(b"\xff"))] {
        let object = format!(r#"{{{metadata},"spec":{{"template":{ignored}}},"kind":"Job"}}"#);
        assert!(Decoder::default().job(&object).is_ok());
    }
}

#[test]
fn a_name_with_invalid_bytes_is_unknown_and_never_another_name() {
    let json = b"{\"metadata\":{\"namespace\":\"etl\",\"name\":\"a\xff\"}}";
    let error = Decoder::default().job(&*text(json)).unwrap_err();
    assert_eq!(error.to_string(), "decode etl/?");
}

#[test]
fn a_list_of_another_kind_is_recognized() {
    for (kind, unexpected) in [
        (r#""kind":"JobList","#, None),
        (r#""kind":"List","#, None),
        (r#""kind":null,"#, None),
        ("", None),
        (r#""kind":"CronJobList","#, Some("CronJobList")),
        (r#""kind":"PodList","#, Some("PodList")),
    ] {
        let json = format!(r#"{{{kind}"items":[]}}"#);
        let page = page(json.as_bytes()).unwrap();
        assert_eq!(page.unexpected_kind(Resource::Jobs), unexpected, "{kind}");
    }
}
