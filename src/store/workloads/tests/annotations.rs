//! Which object's labels and annotations a workload has.

use super::*;
use crate::{
    config::{Override, OverrideMatch, OverridesConfig},
    model::JobExtra,
};

fn annotations(severity: &str, invalid: &[&str]) -> WorkloadAnnotations {
    let invalid = invalid
        .iter()
        .map(|value| ("max-duration", Name::from(*value)));
    WorkloadAnnotations {
        severity: Some(severity.into()),
        invalid: invalid.collect(),
        ..WorkloadAnnotations::default()
    }
}

fn invalid(target: &Target) -> u64 {
    target.store.snapshot().status.invalid_annotations
}

fn severity(target: &Target) -> Option<String> {
    let severity = tick(target).state.annotations?.severity?;
    Some(severity.to_string())
}

#[tokio::test(start_paused = true)]
async fn the_cronjob_wins_over_its_jobs_and_the_latest_job_over_older_ones() {
    let target = target();
    let job = |number, severity, team: &str| {
        running(number)
            .with_template(|template| {
                template.labels = Some([Name::from(team)].into());
            })
            .with_extra(JobExtra {
                annotations: Some(Box::new(annotations(severity, &[]))),
                ..JobExtra::default()
            })
    };
    list(&target, [job(2, "second", "b"), job(1, "first", "a")]);
    assert_eq!(severity(&target).as_deref(), Some("second"));
    let owner = CronJob {
        annotations: Some(Box::new(annotations("cronjob", &[]))),
        labels: Some([Name::from("c")].into()),
        ..cronjob("c")
    };
    apply_cronjob(&target, owner.clone());
    apply(&target, job(3, "third", "d"));
    assert_eq!(severity(&target).as_deref(), Some("cronjob"));
    assert_eq!(&*tick(&target).state.labels.unwrap()[0], "c");
    // After the CronJob is deleted, its values stay until the next Job is seen.
    target
        .cronjobs
        .push(Update::CronJobs(Change::Deleted(owner)));
    assert_eq!(severity(&target).as_deref(), Some("cronjob"));
    apply(&target, job(4, "fourth", "e"));
    assert_eq!(severity(&target).as_deref(), Some("fourth"));
    assert_eq!(&*tick(&target).state.labels.unwrap()[0], "e");
    apply(&target, running(5));
    assert_eq!(severity(&target), None);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_annotation_is_counted_once_while_it_stays() {
    let target = target();
    let with = |values: &[&str]| CronJob {
        annotations: Some(Box::new(annotations("page", values))),
        ..cronjob("c")
    };
    // Its Jobs inherit it from the template.
    let job = |number| {
        running(number).with_extra(JobExtra {
            annotations: Some(Box::new(annotations("page", &["soon"]))),
            ..JobExtra::default()
        })
    };
    apply(&target, job(1));
    assert_eq!(invalid(&target), 1);
    apply(&target, job(2));
    apply_cronjob(&target, with(&["soon"]));
    list(&target, [job(1), job(3)]);
    let list = vec![with(&["soon"])];
    target
        .cronjobs
        .push(Update::CronJobs(Change::Replaced(list)));
    assert_eq!(invalid(&target), 1);
    apply_cronjob(&target, with(&["later"]));
    assert_eq!(invalid(&target), 2);
    apply_cronjob(&target, with(&["later", "never"]));
    assert_eq!(invalid(&target), 3);
    apply_cronjob(&target, with(&[]));
    assert_eq!(invalid(&target), 3);
    apply_cronjob(&target, with(&["soon"]));
    assert_eq!(invalid(&target), 4);
}

#[tokio::test(start_paused = true)]
async fn a_cut_value_is_counted_once_for_each_object() {
    let target = target();
    let cut = |sources: &[&str]| {
        let truncated = sources.iter().map(|source| Name::from(*source)).collect();
        Some(Box::new(WorkloadAnnotations {
            truncated,
            ..WorkloadAnnotations::default()
        }))
    };
    let truncated = || target.store.snapshot().status.truncated_values;
    let owner = |sources: &[&str]| CronJob {
        annotations: cut(sources),
        ..cronjob("c")
    };
    let job = |number, sources: &[&str]| {
        running(number).with_extra(JobExtra {
            annotations: cut(sources),
            ..JobExtra::default()
        })
    };
    apply_cronjob(&target, owner(&["team"]));
    apply_cronjob(&target, owner(&["team"]));
    assert_eq!(truncated(), 1);
    // Inherited from the template.
    apply(&target, job(1, &["team"]));
    assert_eq!(truncated(), 1);
    // A value that only the Job has shows in its own series.
    apply(&target, job(2, &["note"]));
    apply(&target, job(2, &["note"]));
    assert_eq!(truncated(), 2);
    apply(&target, job(2, &["note", "spec.managedBy"]));
    assert_eq!(truncated(), 3);
}

#[tokio::test(start_paused = true)]
async fn jobs_inherit_the_labels_of_their_cronjob() {
    let target = target();
    let with = |labels: [&str; 2], job: Job| {
        job.with_template(|template| {
            template.labels = Some(labels.map(Name::from).into());
        })
    };
    let owner = |labels: [&str; 2]| CronJob {
        inherited_labels: Some(labels.map(Name::from).into()),
        ..cronjob("c")
    };
    let labels = |target: &Target| {
        let snapshot = target.store.snapshot();
        let shown = snapshot.jobs.iter().map(|job| {
            let labels = job.shown_labels().unwrap().join(",");
            format!("{} {labels}", job.name)
        });
        let mut shown: Vec<_> = shown.collect();
        shown.sort();
        shown
    };
    list(
        &target,
        [with(["", ""], running(1)), with(["own", ""], running(2))],
    );
    assert_eq!(labels(&target), ["tick-1 ,", "tick-2 own,"]);
    apply_cronjob(&target, owner(["team", "app"]));
    let inherited = ["tick-1 team,app", "tick-2 own,app"];
    assert_eq!(labels(&target), inherited);
    list(
        &target,
        [with(["", ""], running(1)), with(["own", ""], running(2))],
    );
    assert_eq!(labels(&target), inherited);
    apply(&target, with(["own", "other"], running(3)));
    apply_cronjob(&target, owner(["new", ""]));
    let inherited = ["tick-1 new,", "tick-2 own,", "tick-3 own,other"];
    assert_eq!(labels(&target), inherited);
    // Jobs of others inherit nothing.
    list(
        &target,
        [of("workflow", "tick", with(["", ""], running(4)))],
    );
    assert_eq!(labels(&target), ["tick-4 ,"]);
}

/// A target of these overrides.
fn overridden(entries: Vec<(OverrideMatch, Override)>) -> Target {
    let settings = StoreSettings {
        overrides: Arc::new(OverridesConfig { entries }),
        ..StoreSettings::default()
    };
    target_of(settings, RestoredState::default(), Arc::new(NoopJournal))
}

#[tokio::test(start_paused = true)]
async fn annotations_win_over_overrides_and_these_over_defaults() {
    let set = Override {
        max_duration: Some(Duration::from_hours(2)),
        max_success_age: Some(Duration::from_hours(26)),
        max_failures: Some(1),
        severity: Some("page".into()),
        runbook: Some("https://runbooks.example/backup".into()),
        ..Override::default()
    };
    let target = overridden(vec![(OverrideMatch::default(), set)]);
    let annotated = WorkloadAnnotations {
        max_duration: Some(60),
        severity: Some("info".into()),
        ..WorkloadAnnotations::default()
    };
    apply_cronjob(&target, cronjob("c"));
    let thresholds = tick(&target).thresholds();
    assert_eq!(thresholds.max_duration, Some(7_200));
    assert_eq!(thresholds.max_success_age, Some(93_600));
    assert_eq!((thresholds.start_grace, thresholds.max_failures), (60, 1));
    assert_eq!(tick(&target).severity(), Some("page"));
    apply_cronjob(
        &target,
        CronJob {
            annotations: Some(Box::new(annotated)),
            ..cronjob("c")
        },
    );
    let thresholds = tick(&target).thresholds();
    assert_eq!(thresholds.max_duration, Some(60));
    assert_eq!(thresholds.max_success_age, Some(93_600));
    assert_eq!(tick(&target).severity(), Some("info"));
    let runbook = tick(&target);
    assert_eq!(runbook.runbook(), Some("https://runbooks.example/backup"));
}

#[tokio::test(start_paused = true)]
async fn an_override_ignores_a_workload_unless_an_annotation_says_otherwise() {
    let ignore = Override {
        ignore: Some(true),
        ..Override::default()
    };
    let target = overridden(vec![(OverrideMatch::default(), ignore)]);
    apply_cronjob(&target, cronjob("c"));
    list(&target, [running(1), complete(2)]);
    assert_eq!(shown(&target), Vec::<String>::new());
    assert_eq!(jobs_shown(&target), Vec::<String>::new());
    assert_eq!(target.store.snapshot().cronjobs.iter().count(), 0);
    let wanted = WorkloadAnnotations {
        ignore: Some(false),
        ..WorkloadAnnotations::default()
    };
    let wanted = running(3).with_extra(JobExtra {
        annotations: Some(Box::new(wanted)),
        ..JobExtra::default()
    });
    apply(&target, wanted);
    assert_eq!(jobs_shown(&target), ["tick-3"]);
    assert_eq!(counts(&target), (0, 0, 0, 1));
}
