//! The runs of one workload, what comes next, and what is usual.

use std::time::Duration;

use super::*;
use crate::{
    model::{FeedError, NotStarted, PodCounts, Run, RunExplanation, RunResult},
    store::Retention,
};

impl Scene {
    /// A target that forgets finished Jobs as soon as they are deleted.
    fn forgetful() -> Self {
        let settings = StoreSettings::default();
        let retention = Retention {
            deleted: Duration::ZERO,
            ..settings.retention
        };
        let scene = Self::unread(
            None,
            StoreSettings {
                retention,
                ..settings
            },
        );
        scene.read();
        scene
    }

    fn delete(&self, job: Job) -> &Self {
        self.jobs.push(Update::Jobs(Change::Deleted(job)));
        self
    }

    fn detail(&self, past: PastRuns) -> WorkloadDetail {
        let id = self.tick().id;
        WorkloadDetail::new(&self.snapshot(), &id, past).expect("the workload is known")
    }

    /// The runs, with seconds after midnight for their due times.
    fn runs(&self, past: PastRuns) -> Vec<(Option<Seconds>, RunState)> {
        shown(&self.detail(past))
    }
}

fn shown(detail: &WorkloadDetail) -> Vec<(Option<Seconds>, RunState)> {
    let runs = detail.runs.iter();
    runs.map(|run| (run.due.map(|due| due - MIDNIGHT), run.state))
        .collect()
}

/// The row of the history that this Job leaves.
fn past(job: &Job) -> Run {
    Run::from_finished(job).unwrap()
}

fn took(due: Seconds, seconds: Seconds) -> Job {
    Job {
        state_since: Some(MIDNIGHT + due + seconds).into(),
        ..complete(due)
    }
}

#[test]
fn each_run_is_listed_once_from_the_source_that_knows_most_of_it() {
    let scene = Scene::forgetful();
    scene.cronjob(cronjob());
    let (gone, forgotten) = (failed(2 * HOUR), took(HOUR, 30));
    for job in [&gone, &forgotten] {
        scene.job(job.clone()).delete(job.clone());
    }
    scene.job(running(3 * HOUR)).delete(running(3 * HOUR));
    scene.job(Job {
        pods: PodCounts {
            failed: 2,
            ..PodCounts::default()
        },
        ..failed(4 * HOUR)
    });
    scene.at(5 * HOUR).job(running(5 * HOUR)).at(5 * HOUR + 30);
    // The history has rows of the run whose Job is gone, of one whose Job exists, and of one before the first start.
    let row = Run {
        failed_pods: 7,
        explanation: RunExplanation::default(),
        ..past(&failed(4 * HOUR))
    };
    let rows = vec![past(&complete(-HOUR)), past(&gone), row];
    let detail = scene.detail(PastRuns::Known(rows));
    let expected = [
        (Some(5 * HOUR), RunState::Running),
        (Some(4 * HOUR), RunState::Failed),
        (Some(3 * HOUR), RunState::Deleted),
        (Some(2 * HOUR), RunState::Failed),
        (Some(HOUR), RunState::Succeeded),
        (Some(-HOUR), RunState::Succeeded),
    ];
    assert_eq!(shown(&detail), expected);
    let [active, job, deleted, row, tick, _] = &detail.runs[..] else {
        panic!("{detail:?}");
    };
    assert_eq!((active.duration, active.end), (Some(30), None));
    assert_eq!((job.failed_pods, job.exists), (Some(2), true));
    assert_eq!(job.job_name.as_deref(), Some("tick-14400"));
    assert_eq!(deleted.start, Some(MIDNIGHT + 3 * HOUR));
    assert_eq!((deleted.end, deleted.exists), (None, false));
    let reason = Some(FailureReason::DeadlineExceeded);
    assert_eq!((row.reason, row.failed_pods), (reason, Some(0)));
    assert_eq!(row.job_name.as_deref(), Some("tick-7200"));
    assert_eq!((tick.duration, &tick.job_name), (Some(30), &None));
    assert_eq!(tick.failed_pods, None);
    assert_eq!((detail.has_history, detail.history_problem), (true, None));
}

#[test]
fn without_a_history_ticks_tell_of_the_runs_whose_jobs_are_gone() {
    let scene = Scene::forgetful();
    scene.cronjob(cronjob());
    let manual = Job {
        manual: true,
        due: None.into(),
        ..took(2 * HOUR, 5)
    };
    for job in [took(HOUR, 10), manual] {
        scene.job(job.clone()).delete(job);
    }
    let unreadable = PastRuns::Unreadable("the history file is not open".to_owned());
    for (past, has_history) in [(PastRuns::NoHistory, false), (unreadable, true)] {
        let detail = scene.detail(past);
        let expected = [
            (None, RunState::Succeeded),
            (Some(HOUR), RunState::Succeeded),
        ];
        assert_eq!(shown(&detail), expected);
        let manual = &detail.runs[0];
        assert_eq!((manual.manual, manual.duration), (true, Some(5)));
        assert_eq!(manual.start, Some(MIDNIGHT + 2 * HOUR));
        let problem = detail.history_problem.as_deref();
        assert_eq!(
            problem,
            has_history.then_some("the history file is not open")
        );
        assert_eq!(detail.has_history, has_history);
    }
}

#[test]
fn a_run_has_the_state_of_its_job() {
    for (state, expected) in [
        (JobState::Suspended, RunState::Suspended),
        (JobState::Pending, RunState::Pending),
        (JobState::Running, RunState::Running),
        (JobState::Succeeding, RunState::Ending),
        (JobState::Failing, RunState::Ending),
        (JobState::Complete, RunState::Succeeded),
        (JobState::Failed, RunState::Failed),
    ] {
        let scene = Scene::new();
        scene.job(run(0, state)).at(60);
        let detail = scene.detail(PastRuns::NoHistory);
        assert_eq!(shown(&detail), [(Some(0), expected)]);
        let expected = match state {
            JobState::Suspended => None,
            JobState::Complete | JobState::Failed => Some(0),
            _ => Some(60),
        };
        assert_eq!(detail.runs[0].duration, expected, "{expected:?}");
    }
}

#[test]
fn runs_of_other_workloads_are_not_listed() {
    let scene = Scene::new();
    scene.job(complete(0));
    scene.job(of("cronjob", "tick-2", complete(1)));
    scene.job(of("workflow", "tick", complete(2)));
    scene.job(
        of("cronjob", "tick", complete(3)).with_template(|template| {
            template.namespace = "dev".into();
        }),
    );
    let expected = [(Some(0), RunState::Succeeded)];
    assert_eq!(scene.runs(PastRuns::NoHistory), expected);
    let unknown = WorkloadId {
        name: "tock".into(),
        ..scene.tick().id
    };
    let detail = WorkloadDetail::new(&scene.snapshot(), &unknown, PastRuns::NoHistory);
    assert!(detail.is_none());
}

#[test]
fn the_latest_runs_are_listed_and_those_that_are_not_over() {
    let scene = Scene::new();
    let max = WorkloadDetail::MAX_RUNS;
    scene.job(running(-10)).job(run(-20, JobState::Suspended));
    for number in 0..Seconds::try_from(max).unwrap() {
        scene.job(complete(number));
    }
    let rows = (1..100).map(|number| past(&complete(-100 - number)));
    let runs = scene.runs(PastRuns::Known(rows.collect()));
    assert_eq!(runs.len(), max);
    let expected = [
        (Some(3), RunState::Succeeded),
        (Some(2), RunState::Succeeded),
        (Some(-10), RunState::Running),
        (Some(-20), RunState::Suspended),
    ];
    assert_eq!(runs[max - 4..], expected);
}

#[test]
fn missed_due_times_are_among_the_runs_with_their_reason() {
    let scene = Scene::new();
    scene.cronjob(CronJob {
        starting_deadline: Some(600),
        ..cronjob()
    });
    let reasons = |scene: &Scene| -> Vec<_> {
        let detail = scene.detail(PastRuns::NoHistory);
        detail.runs.iter().map(|run| run.not_started).collect()
    };
    let (unexplained, passed) = (
        Some(NotStarted::Unexplained),
        Some(NotStarted::DeadlinePassed),
    );
    scene.at(HOUR + 61);
    let expected = [(Some(HOUR), RunState::Missed)];
    assert_eq!(scene.runs(PastRuns::NoHistory), expected);
    assert_eq!(reasons(&scene), [unexplained]);
    // Nothing will start for it any more.
    scene.at(HOUR + 601);
    assert_eq!(reasons(&scene), [passed]);
    // The next one could still start.
    scene.at(2 * HOUR + 61);
    assert_eq!(reasons(&scene), [unexplained, unexplained]);
    scene.at(2 * HOUR + 601);
    assert_eq!(reasons(&scene), [passed, unexplained]);
    scene.at(3 * HOUR).job(complete(3 * HOUR)).catch_up();
    assert_eq!(reasons(&scene), [None, unexplained, unexplained]);
    // The history has a late run of an earlier process.
    let late = PastRuns::Known(vec![past(&complete(HOUR))]);
    let expected = [
        (Some(3 * HOUR), RunState::Succeeded),
        (Some(2 * HOUR), RunState::Missed),
        (Some(HOUR), RunState::Succeeded),
    ];
    assert_eq!(scene.runs(late), expected);
}

#[test]
fn the_schedule_is_told_in_words_with_the_next_due_times() {
    let scene = Scene::new();
    scene.cronjob(CronJob {
        schedule: "30 2 * * *".into(),
        time_zone: Some("Europe/Berlin".into()),
        ..cronjob()
    });
    let detail = scene.detail(PastRuns::NoHistory);
    let words = detail.schedule_in_words.as_deref();
    assert_eq!(words, Some("daily at 02:30"));
    // 02:30 in Berlin.
    let expected = [0, 1, 2, 3, 4].map(|day| MIDNIGHT + day * DAY + 90 * MINUTE);
    assert_eq!(detail.upcoming, expected);
    assert_eq!(detail.now, MIDNIGHT);
    scene.cronjob(CronJob {
        suspended: true,
        ..cronjob()
    });
    let detail = scene.detail(PastRuns::NoHistory);
    let words = detail.schedule_in_words.as_deref();
    assert_eq!(
        (words, detail.upcoming.len()),
        (Some("every hour on the hour"), 0)
    );
    scene.cronjob(CronJob {
        schedule: "60 * * * *".into(),
        ..cronjob()
    });
    let detail = scene.detail(PastRuns::NoHistory);
    assert_eq!((detail.schedule_in_words, detail.upcoming), (None, vec![]));
}

#[test]
fn what_is_usual_follows_from_five_successful_runs_or_more() {
    let scene = Scene::new();
    scene.job(Job {
        state_since: Some(MIDNIGHT + 10_000).into(),
        ..failed(1)
    });
    for (number, seconds) in [(10, 50), (11, 10), (12, 40), (13, 20)] {
        scene.job(took(number, seconds));
    }
    let usual = |past| {
        let detail = scene.detail(past);
        (detail.median_duration, detail.p95_duration)
    };
    assert_eq!(usual(PastRuns::NoHistory), (None, None));
    let row = past(&took(-HOUR, 30));
    assert_eq!(row.result, RunResult::Succeeded);
    assert_eq!(usual(PastRuns::Known(vec![row])), (Some(30), Some(50)));
    let rows = (1..=96).map(|number| past(&took(-HOUR - number, 60 + number)));
    // With the four Jobs these are 100.
    let expected = (Some(60 + 46), Some(60 + 91));
    assert_eq!(usual(PastRuns::Known(rows.collect())), expected);
}

#[test]
fn an_active_run_does_not_get_longer_while_its_target_is_down() {
    let scene = Scene::new();
    scene.job(running(0)).at(20 * MINUTE);
    scene.jobs.push(Update::Failed(FeedError::default()));
    scene.cronjobs.push(Update::Failed(FeedError::default()));
    NOW.set(MIDNIGHT + 3 * HOUR);
    let detail = scene.detail(PastRuns::NoHistory);
    assert_eq!(detail.runs[0].duration, Some(20 * MINUTE));
    assert_eq!(detail.now, MIDNIGHT + 3 * HOUR);
}

#[test]
fn runs_with_times_that_others_write_do_no_harm() {
    let scene = Scene::new();
    for (due, state) in [
        (Seconds::MAX / 2, JobState::Complete),
        (Seconds::MIN / 2, JobState::Failed),
        (Seconds::MIN / 2 + 1, JobState::Running),
    ] {
        scene.job(run(due, state));
    }
    let rows = vec![Run {
        start: Some(Seconds::MIN),
        end: Some(Seconds::MAX),
        ..past(&complete(0))
    }];
    let detail = scene.detail(PastRuns::Known(rows));
    assert_eq!(detail.runs.len(), 4);
    assert!(detail.runs.iter().all(|run| run.duration >= Some(0)));
}

#[test]
fn all_jobs_of_an_owner_are_one_run() {
    let owned = |due, job: fn(Seconds) -> Job, owner: &str| {
        let job = of("jobset", "bert", job(due));
        let owner = Uid::parse(owner);
        Job {
            due: None.into(),
            ..job.with_template(|template| template.owner_uid = Some(owner.into()))
        }
    };
    let scene = Scene::forgetful();
    let id = crate::model::WorkloadId {
        kind: "jobset".into(),
        name: "bert".into(),
        ..scene.job(complete(0)).tick().id
    };
    let detail = |past| WorkloadDetail::new(&scene.snapshot(), &id, past).unwrap();
    let (a, b) = (owned(HOUR, failed, "u1"), owned(2 * HOUR, complete, "u1"));
    let (start, end) = (a.start.get(), b.end());
    scene.job(a.clone()).job(b.clone());
    let listed = detail(PastRuns::NoHistory).runs;
    let [run] = &listed[..] else {
        panic!("{listed:?}")
    };
    assert_eq!(
        (run.state, run.start, run.end),
        (RunState::Failed, start, end)
    );
    assert_eq!(run.job_name.as_deref(), Some(&*a.name));
    // One of its Jobs is gone, and it has a row; another run is under way.
    let row = Run {
        uid: Uid::parse("u1"),
        jobs: std::num::NonZeroU32::new(2),
        ..past(&a)
    };
    scene.delete(a).job(owned(3 * HOUR, complete, "u2"));
    scene.at(5 * HOUR).job(owned(4 * HOUR, running, "u2"));
    let listed = detail(PastRuns::Known(vec![row])).runs;
    let states: Vec<_> = listed.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Running, RunState::Failed]);
    assert_eq!(listed[0].end, None);
}
