//! Which outcome leads to which decision. Tests with a server are in `tests/it`.

use super::*;
use crate::{
    client::{Request, Scope, Status},
    model::{Resource, Verb},
};

fn failure(code: u16) -> Failure {
    Failure::Status(Box::new(Status {
        code,
        ..Status::default()
    }))
}

fn rejected(code: u16) -> Error {
    let request = Request {
        verb: Verb::List,
        resource: Resource::CronJobs,
        scope: Scope::All,
        name: None,
    };
    Error {
        request: Box::new(request),
        failure: failure(code),
    }
}

#[test]
fn a_version_that_works_is_kept_until_it_returns_404() {
    let support = CronJobSupport::default();
    assert_eq!(support.version_to_try(), Some(BatchVersion::V1));
    assert_eq!(
        support.record(BatchVersion::V1, None),
        VersionDecision::Final
    );
    for code in [403, 404] {
        let decision = support.record(BatchVersion::V1, Some(&rejected(code)));
        assert_eq!(decision, VersionDecision::Final, "it worked once: {code}");
    }
    let support = CronJobSupport::default();
    assert_eq!(
        support.record(BatchVersion::V1Beta1, None),
        VersionDecision::Final
    );
    assert_eq!(support.version_to_try(), Some(BatchVersion::V1Beta1));
    let gone = rejected(404);
    assert_eq!(
        support.record(BatchVersion::V1Beta1, Some(&gone)),
        VersionDecision::Final
    );
    assert_eq!(
        support.version_to_try(),
        Some(BatchVersion::V1),
        "an upgrade"
    );
}

#[test]
fn only_403_and_404_lead_to_discovery() {
    for (code, decision) in [
        (403, VersionDecision::Discover),
        (404, VersionDecision::Discover),
        (401, VersionDecision::Final),
        (429, VersionDecision::Final),
        (500, VersionDecision::Final),
    ] {
        let support = CronJobSupport::default();
        let error = rejected(code);
        assert_eq!(
            support.record(BatchVersion::V1, Some(&error)),
            decision,
            "{code}"
        );
    }
}

#[test]
fn discovery_decides_and_without_it_the_first_error_does() {
    let beta = VersionDecision::Retry(BatchVersion::V1Beta1);
    for (code, in_v1, decision) in [
        (404, Ok(true), VersionDecision::Final),
        (404, Ok(false), beta),
        (403, Ok(false), beta),
        (404, Err(failure(403)), beta),
        (404, Err(failure(404)), beta),
        (403, Err(failure(403)), VersionDecision::Final),
        (404, Err(failure(500)), VersionDecision::Final),
        (404, Err(Failure::Timeout(RECHECK)), VersionDecision::Final),
    ] {
        let support = CronJobSupport::default();
        let case = format!("{code} {in_v1:?}");
        let found = support.record_discovery(&rejected(code), in_v1);
        assert_eq!(found, decision, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_resource_needs_evidence_and_is_checked_again_after_an_hour() {
    let missing = rejected(404);
    let support = CronJobSupport::default();
    let decision = support.record(BatchVersion::V1Beta1, Some(&missing));
    assert_eq!(decision, VersionDecision::Final, "the address may be wrong");
    support.record_jobs();
    let decision = support.record(BatchVersion::V1Beta1, Some(&missing));
    assert_eq!(decision, VersionDecision::NotServed);
    assert_eq!(support.version_to_try(), None);
    // Another request that was sent at the same time.
    let decision = support.record(BatchVersion::V1, Some(&missing));
    assert_eq!(decision, VersionDecision::NotServed);
    tokio::time::advance(RECHECK).await;
    assert_eq!(support.version_to_try(), Some(BatchVersion::V1));

    let support = CronJobSupport::default();
    support.record_discovery(&missing, Ok(false));
    let decision = support.record(BatchVersion::V1Beta1, Some(&rejected(403)));
    assert_eq!(decision, VersionDecision::Final, "a missing permission");
    let decision = support.record(BatchVersion::V1Beta1, Some(&missing));
    assert_eq!(decision, VersionDecision::NotServed);
}
