//! When a Job ended, or since when it is suspended or ends.

use serde_json::json;

use super::{condition, decode};

#[test]
fn the_time_of_suspension_is_kept_only_while_the_job_is_suspended() {
    let at = Some(1_795_443_806);
    let suspended = condition("Suspended", "True");
    for (conditions, expected) in [
        (json!([suspended]), at),
        (json!([suspended, condition("Failed", "True")]), None),
        (json!([suspended, condition("Complete", "True")]), None),
        (json!([condition("Suspended", "False")]), None),
    ] {
        let job = decode(&json!({}), &json!({"conditions": conditions}));
        assert_eq!(job.suspended_since(), expected, "{conditions}");
    }
    let without_pods = decode(&json!({"parallelism": 0}), &json!({}));
    assert_eq!(without_pods.suspended_since(), None);
}

#[test]
fn the_time_since_when_a_job_ends_is_kept_until_it_has_ended() {
    let at = Some(1_795_443_806);
    let (met, target) = ("SuccessCriteriaMet", "FailureTarget");
    for (conditions, expected) in [
        (json!([condition(met, "True")]), at),
        (json!([condition(target, "True")]), at),
        (
            json!([condition(met, "True"), condition("Complete", "True")]),
            None,
        ),
        (
            json!([condition(target, "True"), condition("Failed", "True")]),
            None,
        ),
        (
            json!([condition(met, "True"), condition("Suspended", "True")]),
            None,
        ),
        (json!([condition(target, "False")]), None),
    ] {
        let job = decode(&json!({}), &json!({"conditions": conditions}));
        assert_eq!(job.ending_since(), expected, "{conditions}");
    }
}

#[test]
fn the_end_is_the_completion_time_or_the_transition_to_failed() {
    let at = 1_795_443_806;
    let complete = json!({"completionTime": "2026-11-23T14:23:26Z", "conditions": [{"type": "Complete", "status": "True"}]});
    assert_eq!(decode(&json!({}), &complete).end(), Some(at));
    let failed =
        json!({"conditions": [condition("FailureTarget", "True"), condition("Failed", "True")]});
    assert_eq!(decode(&json!({}), &failed).end(), Some(at));
    assert_eq!(
        decode(
            &json!({}),
            &json!({"conditions": [condition("FailureTarget", "True")]})
        )
        .end(),
        None
    );
}
