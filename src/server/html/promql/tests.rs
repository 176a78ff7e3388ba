//! The questions of a `CronJob` in a named target.

use std::sync::Arc;

use super::*;
use crate::{
    model::{Change, CronJob, FeedScope, Sink, Uid, Update, WorkloadId},
    store::{StoreSettings, TargetStore},
};

/// All metrics, with the labels of each family.
const REFERENCE: &str = include_str!("../../../../docs/metrics.md");

fn status(target: Option<&str>, name: &str) -> WorkloadStatus {
    let settings = Arc::new(StoreSettings::default());
    let store = Arc::new(TargetStore::new(target.map(Into::into), settings));
    let feed = store.clone().register(FeedScope::CronJobs(None));
    let cronjob = CronJob::new("ops".into(), name.into(), Uid::parse("1"), "@daily".into());
    feed.push(Update::CronJobs(Change::Replaced(vec![cronjob])));
    feed.push(Update::CaughtUp(crate::model::now()));
    let id = WorkloadId {
        namespace: "ops".into(),
        kind: "cronjob".into(),
        name: name.into(),
    };
    WorkloadStatus::find(&store.complete_snapshot(), &id).expect("the workload is known")
}

#[test]
fn every_question_asks_for_metrics_that_exist() {
    let questions = questions(&status(Some("prod"), "nightly"));
    assert_eq!(questions.len(), 6);
    for Question { text, expression } in questions {
        let names = expression.split(|it: char| !(it.is_ascii_alphanumeric() || it == '_'));
        let names: Vec<_> = names.filter(|name| name.starts_with("batch_")).collect();
        assert_eq!(names.len(), 1, "{text}: {expression}");
        let family = names[0].trim_end_matches("_bucket");
        assert!(REFERENCE.contains(&format!("| `{family}` |")), "{family}");
        let matchers =
            "target=\"prod\",namespace=\"ops\",workload_type=\"cronjob\",workload=\"nightly\"";
        assert!(expression.contains(matchers), "{expression}");
    }
}

#[test]
fn names_are_escaped_as_promql_does() {
    let questions = questions(&status(None, "a\"b\\c\nd"));
    assert_eq!(
        questions[0].expression,
        r#"batch_workload_last_run_succeeded{namespace="ops",workload_type="cronjob",workload="a\"b\\c\nd"}"#
    );
}
