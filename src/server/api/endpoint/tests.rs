//! Paths and the resources that they name.

use super::*;

#[test]
fn a_path_is_split_before_it_is_decoded() {
    let parsed = Endpoint::parse("/api/v1/workloads/-/a%2Fb/%63ronjob/%25%2f%20+");
    let Ok(Endpoint::Workload(path)) = parsed else {
        panic!("{parsed:?}");
    };
    assert!(path.is_of(None) && !path.is_of(Some("prod")));
    assert_eq!(&*path.id.namespace, "a/b");
    assert_eq!(&*path.id.kind, "cronjob");
    assert_eq!(&*path.id.name, "%/ +");
}

#[test]
fn runs_are_those_of_the_workload_before_them() {
    let runs = Endpoint::parse("/api/v1/workloads/prod/ops/cronjob/runs/runs");
    let Ok(Endpoint::Runs(path)) = runs else {
        panic!("{runs:?}");
    };
    assert!(path.is_of(Some("prod")));
    assert_eq!(&*path.id.name, "runs");
}

#[test]
fn other_paths_are_not_found() {
    for path in [
        "/api/v1",
        "/api/v1/",
        "/api/v1/Jobs",
        "/api/v1/job%73",
        "/api/v1/jobs/x",
        "/api/v1/workloads/prod/ops/cronjob/nightly/",
        "/api/v1/workloads/prod/ops/cronjob/nightly/logs",
    ] {
        let parsed = Endpoint::parse(path);
        assert!(
            matches!(parsed, Err(ApiError::NotFound(_))),
            "{path}: {parsed:?}"
        );
    }
}

#[test]
fn a_path_that_is_not_utf_8_is_refused() {
    let parsed = Endpoint::parse("/api/v1/workloads/-/%c3/cronjob/nightly");
    let expected = "the path `-/%c3/cronjob/nightly` is not UTF-8".to_owned();
    assert_eq!(parsed, Err(ApiError::BadData(expected)));
}
