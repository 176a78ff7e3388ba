//! `workloads`, and one workload.

use super::*;

fn names(data: &TestData, query: &str) -> Vec<String> {
    let list = found(data, &format!("/workloads{query}"));
    let names = column(&list["workloads"], "workload");
    let names = names.iter().map(|name| name.as_str().expect("a name"));
    names.map(Into::into).collect()
}

#[test]
fn the_worst_come_first_with_what_is_wrong() {
    let list = found(&two_targets(), "/workloads");
    let workloads = &list["workloads"];
    assert_eq!(column(workloads, "workload"), ["nightly", "train", HOSTILE]);
    let nightly = &workloads[0];
    assert_eq!(nightly["target"], "prod");
    assert_eq!(nightly["namespace"], "ops");
    assert_eq!(nightly["workload_type"], "cronjob");
    assert_eq!(nightly["state"], "failing");
    let finding = &nightly["findings"][0];
    assert_eq!(finding["code"], "run_failed");
    assert_eq!(finding["level"], "warning");
    assert_eq!(finding["alert"], "BatchRunFailed");
    assert_eq!(finding["since"], "2026-11-23T08:00:00Z");
    assert!(
        finding["text"]
            .as_str()
            .expect("a text")
            .contains("backoffLimit")
    );
    assert_eq!(nightly["consecutive_failures"], 1);
    assert_eq!(nightly["last_run_succeeded"], false);
    assert_eq!(nightly["last_run_failure_reason"], "BackoffLimitExceeded");
    assert_eq!(nightly["last_run_end"], "2026-11-23T08:01:00Z");
    assert_eq!(nightly["last_run_duration_seconds"], 60);
    assert_eq!(nightly["last_success"], Value::Null);
    assert_eq!(nightly["severity"], "page");
    assert_eq!(nightly["labels"], json!({"team": "core"}));
    assert_eq!(nightly["last_runs"][0]["outcome"], "failed");
    let expected = json!({"threshold": "max_duration", "value": 7200, "source": "annotation"});
    assert_eq!(nightly["thresholds"][0], expected);
    let cronjob = &nightly["cronjob"];
    assert_eq!(cronjob["schedule"], "0 9 * * *");
    assert_eq!(cronjob["evaluated_time_zone"], "Europe/Berlin");
    assert_eq!(cronjob["next_schedule"], "2026-11-24T08:00:00Z");
    assert_eq!(workloads[1]["cronjob"], Value::Null);
    assert_eq!(
        workloads[1]["oldest_active_run_start"],
        "2026-11-23T09:00:00Z"
    );
}

#[test]
fn the_summary_counts_all_whatever_the_filters() {
    let list = found(&two_targets(), "/workloads?namespace=nowhere");
    assert_eq!(list["workloads"], json!([]));
    assert_eq!(list["paging"]["matching"], 0);
    let summary = &list["summary"];
    assert_eq!(
        (&summary["workloads"], &summary["problems"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(summary["states"]["failing"], 1);
    assert_eq!(summary["states"]["overdue"], 0);
    assert_eq!(summary["targets_down"], 1);
}

#[test]
fn filters_and_order_are_those_of_the_page() {
    let data = two_targets();
    for (query, expected) in [
        (
            "?namespace=etl&sort=workload&order=desc",
            vec!["train", HOSTILE],
        ),
        ("?state=running&state=failing", vec!["nightly", "train"]),
        ("?q=CORE+night", vec!["nightly"]),
        ("?q=%3Cscript%3E", vec![HOSTILE]),
        ("?q=", vec!["nightly", "train", HOSTILE]),
        ("?target=prod&sort=last", vec!["nightly", HOSTILE, "train"]),
        ("?target=down", vec![]),
        ("?&&page=1", vec!["nightly", "train", HOSTILE]),
    ] {
        assert_eq!(names(&data, query), expected, "{query}");
    }
    let unnamed = unnamed(vec![cronjob("ops", "tick")], Vec::new());
    assert_eq!(names(&unnamed, "?target=-"), ["tick"]);
}

#[test]
fn a_page_has_100_rows_and_one_after_the_last_has_none() {
    let cronjobs = (0..101).map(|number| cronjob("ops", &format!("c{number:03}")));
    let data = unnamed(cronjobs.collect(), Vec::new());
    assert_eq!(names(&data, "?sort=workload").len(), 100);
    assert_eq!(names(&data, "?sort=workload&page=2"), ["c100"]);
    let after = found(&data, "/workloads?page=3");
    assert_eq!(after["workloads"], json!([]));
    let paging = json!({"page": 3, "pages": 2, "per_page": 100, "matching": 101});
    assert_eq!(after["paging"], paging);
}

#[test]
fn a_wrong_value_is_refused_with_the_values_there_are() {
    let data = two_targets();
    for (query, status, expected) in [
        (
            "?state=broken",
            400,
            "`state` is `broken`, not one of: failing, never_succeeded,",
        ),
        ("?state=", 400, "`state` is ``"),
        ("?sort=STATE", 400, "not one of: state, workload,"),
        ("?order=up", 400, "not one of: asc, desc"),
        (
            "?target=prd",
            404,
            "there is no target `prd`; targets: prod, down",
        ),
        (
            "?namespce=ops",
            400,
            "there is no parameter `namespce`; parameters: target, namespace,",
        ),
    ] {
        let (code, _, text) = refused(&data, &format!("/workloads{query}"));
        assert_eq!(code, status, "{query}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_workload_is_found_by_its_encoded_name() {
    let long = "x".repeat(253);
    let slash = "a/b";
    for name in [
        HOSTILE,
        long.as_str(),
        slash,
        "..",
        "a%2Fb",
        "a+b c",
        "runs",
    ] {
        let data = unnamed(
            Vec::new(),
            vec![job("etl", "workflow", name, 9, JobState::Complete)],
        );
        let path = format!("/workloads/-/etl/workflow/{}", encoded(name));
        assert_eq!(found(&data, &path)["workload"]["workload"], name, "{name}");
        assert!(
            found(&data, &format!("{path}/runs"))["runs"].is_array(),
            "{name}"
        );
    }
}

#[test]
fn an_unknown_workload_is_not_found() {
    let data = two_targets();
    for path in [
        "/prod/ops/cronjob/weekly",
        "/prod/ops/job/nightly",
        "/prod/etl/cronjob/nightly",
        "/down/ops/cronjob/nightly",
        "/nowhere/ops/cronjob/nightly",
        "/-/ops/cronjob/nightly",
        "/prod/ops%2Fcronjob/cronjob/nightly",
        "////",
    ] {
        for end in ["", "/runs"] {
            let (status, kind, text) = refused(&data, &format!("/workloads{path}{end}"));
            assert_eq!((status, kind.as_str()), (404, "not_found"), "{path}");
            assert!(text.starts_with("there is no workload `"), "{text}");
        }
    }
    let (status, _, text) = refused(&data, "/workloads/prod/ops/cronjob/%ff");
    assert_eq!(status, 400);
    assert!(text.contains("not UTF-8"), "{text}");
}

#[test]
fn a_workload_has_what_lists_have_of_it() {
    let data = two_targets();
    let page = found(&data, "/workloads/prod/ops/cronjob/nightly");
    let list = found(&data, "/workloads?q=nightly");
    assert_eq!(page["workload"], list["workloads"][0]);
    assert_eq!(page["has_history"], false);
    let (status, _, _) = refused(&data, "/workloads/prod/ops/cronjob/nightly?limit=1");
    assert_eq!(status, 400, "the limit is one of `runs`");
}

#[test]
fn the_limit_of_runs_is_a_number_up_to_200() {
    let data = two_targets();
    let path = "/workloads/prod/ops/cronjob/nightly/runs";
    found(&data, &format!("{path}?limit=200"));
    for limit in [
        "0",
        "201",
        "-1",
        "1.5",
        "ten",
        "",
        "%2B1",
        "99999999999999999999",
    ] {
        let (status, _, text) = refused(&data, &format!("{path}?limit={limit}"));
        assert_eq!(status, 400, "{limit}");
        assert!(text.ends_with("not a number from 1 to 200"), "{text}");
    }
}
