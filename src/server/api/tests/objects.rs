//! `jobs` and `cronjobs`.

use super::*;

#[test]
fn jobs_are_named_like_their_metrics() {
    let mut full = failed("ops", "cronjob", "nightly", 8).with_template(|template| {
        template.labels = Some([Name::from("core")].into());
        template.active_deadline = Some(600).into();
    });
    full.pods.failed = 3;
    let list = found(&unnamed(Vec::new(), vec![full]), "/jobs");
    let job = &list["jobs"][0];
    assert_eq!(job["target"], Value::Null);
    assert_eq!(job["job_name"], "nightly-8");
    assert_eq!(job["workload_type"], "cronjob");
    assert_eq!(job["workload"], "nightly");
    assert_eq!(job["state"], "failed");
    assert_eq!(job["failure_reason"], "BackoffLimitExceeded");
    assert_eq!(job["failed_pods"], 3);
    assert_eq!(job["ready_pods"], Value::Null);
    assert_eq!(job["start"], "2026-11-23T08:00:00Z");
    assert_eq!(job["end"], "2026-11-23T08:01:00Z");
    assert_eq!(job["due"], "2026-11-23T08:00:00Z");
    assert_eq!(job["active_deadline_seconds"], 600);
    assert_eq!(job["labels"], json!({"team": "core"}));
}

#[test]
fn jobs_are_filtered_and_in_the_order_of_their_names() {
    let data = two_targets();
    let names = |query: &str| {
        let list = found(&data, &format!("/jobs{query}"));
        let names = column(&list["jobs"], "job_name").into_iter().cloned();
        names.collect::<Vec<_>>()
    };
    let hostile = format!("{HOSTILE}-10");
    assert_eq!(names(""), [hostile.as_str(), "train-9", "nightly-8"]);
    assert_eq!(names("?namespace=ops"), ["nightly-8"]);
    assert_eq!(names("?workload=workflow/train"), ["train-9"]);
    assert_eq!(names("?workload=cronjob/train"), [""; 0]);
    assert_eq!(names("?target=down"), [""; 0]);
    assert_eq!(
        names(&format!("?workload={}", encoded("workflow/none"))),
        [""; 0]
    );
    for workload in ["train", "/train", "workflow/", "a/b/c", ""] {
        let (status, _, text) = refused(&data, &format!("/jobs?workload={workload}"));
        assert_eq!(status, 400, "{workload}");
        assert!(text.contains("not a type, a slash and a name"), "{text}");
    }
}

#[test]
fn pages_of_objects_have_the_size_that_was_asked_for() {
    let cronjobs = (0..101).map(|number| cronjob("ops", &format!("c{number:03}")));
    let data = unnamed(cronjobs.collect(), Vec::new());
    let names = |query: &str| {
        let list = found(&data, &format!("/cronjobs{query}"));
        column(&list["cronjobs"], "workload").len()
    };
    assert_eq!(names(""), 100);
    assert_eq!(names("?page=2"), 1);
    assert_eq!(names("?page=3"), 0);
    assert_eq!(names("?per_page=1000"), 101);
    assert_eq!(names("?per_page=1&page=101"), 1);
    assert_eq!(names("?per_page=1000&page=1000000"), 0);
    for query in [
        "?per_page=0",
        "?per_page=1001",
        "?page=1000001",
        "?page=1&page=2",
    ] {
        assert_eq!(
            refused(&data, &format!("/cronjobs{query}")).0,
            400,
            "{query}"
        );
    }
}

#[test]
fn cronjobs_have_their_spec_their_status_and_what_follows_from_the_schedule() {
    let suspended = CronJob {
        suspended: true,
        ..cronjob("ops", "weekly")
    };
    let invalid = CronJob {
        schedule: "0 0 30 2 *".into(),
        starting_deadline: Some(600),
        ..cronjob("ops", "never")
    };
    let data = unnamed(vec![cronjob("ops", "tick"), suspended, invalid], Vec::new());
    let list = found(&data, "/cronjobs?target=-&namespace=ops");
    let cronjobs = &list["cronjobs"];
    assert_eq!(column(cronjobs, "workload"), ["never", "tick", "weekly"]);
    assert_eq!(column(cronjobs, "suspended"), [false, false, true]);
    assert_eq!(column(cronjobs, "schedule_valid"), [false, true, true]);
    assert_eq!(
        column(cronjobs, "next_schedule"),
        [&Value::Null, &json!("2026-11-23T13:00:00Z"), &Value::Null]
    );
    assert_eq!(cronjobs[1]["overdue_runs"], 11);
    assert_eq!(cronjobs[1]["overdue_since"], "2026-11-23T01:00:00Z");
    assert_eq!(cronjobs[1]["not_started"], "unexplained");
    assert_eq!(cronjobs[0]["starting_deadline_seconds"], 600);
    assert_eq!(column(cronjobs, "workload_type"), ["cronjob"; 3]);
    assert_eq!(
        found(&data, "/cronjobs?namespace=etl")["cronjobs"],
        json!([])
    );
}
