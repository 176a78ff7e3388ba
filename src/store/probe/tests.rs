//! What a probe shows, compared with a scrape.

use std::sync::Arc;

use super::*;
use crate::{
    config::{Config, MappedLabel},
    model::{
        Change, CronJob, FeedScope, JobExtra, JobState, Name, Sink as _, Uid, Update,
        WorkloadAnnotations, WorkloadRef,
    },
    store::StoreSettings,
};

fn sources() -> Vec<LabelSource> {
    ["team", "app"]
        .map(|key| LabelSource::Label(key.to_owned()))
        .into()
}

/// A store with the mapped labels `team` and `app`.
fn store() -> Arc<TargetStore> {
    let mapping = sources().into_iter().zip(["team", "app"]);
    let mut config = Config::default();
    config.labels.mapping = mapping
        .map(|(source, label)| MappedLabel {
            label: label.to_owned(),
            source,
        })
        .collect();
    let settings = StoreSettings::from_config(&config);
    Arc::new(TargetStore::new(Some("prod".into()), settings.into()))
}

fn reference() -> JobReference {
    JobReference::parse("etl", "load").unwrap()
}

/// A run of the `CronJob` `load` with these labels.
fn job(uid: &str, state: JobState, labels: [&str; 2]) -> Job {
    let workload = WorkloadRef {
        kind: "cronjob".into(),
        name: "load".into(),
    };
    Job {
        state,
        ..Job::new("etl".into(), "load".into(), Uid::parse(uid), workload)
    }
    .with_template(|template| {
        template.labels = Some(labels.map(Name::from).into());
    })
}

fn push(store: &Arc<TargetStore>, job: Job) {
    let feed = store.clone().register(FeedScope::Jobs(None));
    feed.push(Update::Jobs(Change::Applied(job)));
}

fn show(store: &TargetStore, outcome: ProbeOutcome) -> TargetSnapshot {
    store.show_probed(&reference(), outcome, &sources())
}

/// `uid state labels` of the only Job.
fn shown(snapshot: &TargetSnapshot) -> Option<String> {
    let mut jobs = snapshot.jobs.iter().map(|job| {
        let labels = job.shown_labels().unwrap_or_default().join(",");
        format!("{} {} {labels}", job.uid, job.state.as_str())
    });
    let shown = jobs.next();
    assert_eq!(jobs.next(), None);
    shown
}

#[test]
fn a_probed_job_has_what_a_scrape_would_show() {
    use JobState::{Complete, Pending, Running};
    for (known, probed, expected) in [
        (None, ("a", Pending, ["own", ""]), "a pending own,app"),
        (
            Some(("a", Running)),
            ("a", Pending, ["", ""]),
            "a running team,app",
        ),
        (
            Some(("a", Complete)),
            ("a", Running, ["", ""]),
            "a complete team,app",
        ),
        (
            Some(("a", Running)),
            ("a", Complete, ["", ""]),
            "a complete team,app",
        ),
        (
            Some(("a", Complete)),
            ("b", Pending, ["", ""]),
            "b pending team,app",
        ),
    ] {
        let store = store();
        let owner = CronJob {
            inherited_labels: Some(["team", "app"].map(Name::from).into()),
            ..CronJob::new(
                "etl".into(),
                "load".into(),
                Uid::parse("c"),
                "0 * * * *".into(),
            )
        };
        let cronjobs = store.clone().register(FeedScope::CronJobs(None));
        cronjobs.push(Update::CronJobs(Change::Applied(owner)));
        if let Some((uid, state)) = known {
            push(&store, job(uid, state, ["", ""]));
        }
        let (uid, state, labels) = probed;
        let probed = job(uid, state, labels);
        let view = show(&store, ProbeOutcome::Found(Box::new(probed.clone())));
        assert_eq!(shown(&view).as_deref(), Some(expected));
        assert_eq!(view.target.as_deref(), Some("prod"));
        assert_eq!(*view.label_names, ["team", "app"]);
        // A scrape shows the same when the Job was read in the usual way.
        push(&store, probed);
        assert_eq!(shown(&store.snapshot()).as_deref(), Some(expected));
    }
}

#[test]
fn a_probe_changes_nothing() {
    let store = store();
    push(&store, job("a", JobState::Running, ["", ""]));
    let before = (store.snapshot().status, shown(&store.snapshot()));
    for outcome in [
        ProbeOutcome::Found(Box::new(job("b", JobState::Failed, ["x", "y"]))),
        ProbeOutcome::Absent,
        ProbeOutcome::Failed,
        ProbeOutcome::Undecodable,
    ] {
        show(&store, outcome);
        let after = (store.snapshot().status, shown(&store.snapshot()));
        assert_eq!(after, before);
    }
}

#[test]
fn each_outcome_says_what_is_known() {
    let found = ProbeOutcome::Found(Box::new(job("a", JobState::Running, ["", ""])));
    for (outcome, exists, poll_up) in [
        (found, Some(true), true),
        (ProbeOutcome::Undecodable, Some(true), true),
        (ProbeOutcome::Absent, Some(false), true),
        (ProbeOutcome::Failed, None, false),
    ] {
        let store = store();
        let view = show(&store, outcome);
        let [configured] = view.configured.as_slice() else {
            panic!("{:?}", view.configured);
        };
        assert_eq!((&*configured.namespace, &*configured.name), ("etl", "load"));
        assert_eq!(
            (configured.exists, configured.poll_up),
            (exists, Some(poll_up))
        );
        assert_eq!(configured.last_poll.is_some(), poll_up);
    }
}

#[test]
fn an_ignored_job_is_not_shown() {
    let ignored = Job {
        ignored: true,
        ..job("a", JobState::Running, ["", ""])
    }
    .with_extra(JobExtra {
        annotations: Some(Box::new(WorkloadAnnotations {
            ignore: Some(true),
            ..WorkloadAnnotations::default()
        })),
        ..JobExtra::default()
    });
    let view = show(&store(), ProbeOutcome::Found(Box::new(ignored)));
    assert_eq!(shown(&view), None);
    assert_eq!(view.configured[0].exists, Some(true));
}

#[test]
fn values_of_labels_before_a_reload_are_not_shown_as_those_of_others() {
    let found = ProbeOutcome::Found(Box::new(job("a", JobState::Running, ["x", "y"])));
    let mut other = sources();
    other.reverse();
    let view = store().show_probed(&reference(), found, &other);
    assert_eq!(shown(&view).as_deref(), Some("a running "));
}
