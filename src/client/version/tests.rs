//! What is concluded from which answers; how the questions come about is tested with a server.

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

fn refused(code: u16) -> Error {
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
fn what_works_is_remembered_and_given_up_when_it_is_gone() {
    let versions = Versions::default();
    assert_eq!(versions.first(), Some(Version::V1));
    assert_eq!(versions.judge(Version::V1, None), Verdict::Stands);
    for code in [403, 404] {
        let verdict = versions.judge(Version::V1, Some(&refused(code)));
        assert_eq!(verdict, Verdict::Stands, "it worked once: {code}");
    }
    let versions = Versions::default();
    assert_eq!(versions.judge(Version::V1Beta1, None), Verdict::Stands);
    assert_eq!(versions.first(), Some(Version::V1Beta1));
    let gone = refused(404);
    assert_eq!(
        versions.judge(Version::V1Beta1, Some(&gone)),
        Verdict::Stands
    );
    assert_eq!(versions.first(), Some(Version::V1), "an upgrade");
}

#[test]
fn only_refusals_that_may_be_about_the_version_lead_to_questions() {
    for (code, verdict) in [
        (403, Verdict::Discover),
        (404, Verdict::Discover),
        (401, Verdict::Stands),
        (429, Verdict::Stands),
        (500, Verdict::Stands),
    ] {
        let versions = Versions::default();
        let error = refused(code);
        assert_eq!(versions.judge(Version::V1, Some(&error)), verdict, "{code}");
    }
}

#[test]
fn what_the_server_says_it_has_decides_and_else_its_refusals() {
    let beta = Verdict::Ask(Version::V1Beta1);
    for (refusal, in_v1, verdict) in [
        (404, Ok(true), Verdict::Stands),
        (404, Ok(false), beta),
        (403, Ok(false), beta),
        (404, Err(failure(403)), beta),
        (404, Err(failure(404)), beta),
        (403, Err(failure(403)), Verdict::Stands),
        (404, Err(failure(500)), Verdict::Stands),
        (404, Err(Failure::Timeout(RECHECK)), Verdict::Stands),
    ] {
        let versions = Versions::default();
        let case = format!("{refusal} {in_v1:?}");
        let found = versions.discovered(&refused(refusal), in_v1);
        assert_eq!(found, verdict, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_there_are_none_takes_evidence_and_is_doubted_after_a_while() {
    let missing = refused(404);
    let versions = Versions::default();
    let verdict = versions.judge(Version::V1Beta1, Some(&missing));
    assert_eq!(verdict, Verdict::Stands, "it may be the wrong address");
    versions.note_jobs();
    let verdict = versions.judge(Version::V1Beta1, Some(&missing));
    assert_eq!(verdict, Verdict::NotServed);
    assert_eq!(versions.first(), None);
    // Another feed that has asked meanwhile.
    let verdict = versions.judge(Version::V1, Some(&missing));
    assert_eq!(verdict, Verdict::NotServed);
    tokio::time::advance(RECHECK).await;
    assert_eq!(versions.first(), Some(Version::V1));

    let versions = Versions::default();
    versions.discovered(&missing, Ok(false));
    let verdict = versions.judge(Version::V1Beta1, Some(&refused(403)));
    assert_eq!(verdict, Verdict::Stands, "a right that is missing");
    let verdict = versions.judge(Version::V1Beta1, Some(&missing));
    assert_eq!(verdict, Verdict::NotServed);
}
