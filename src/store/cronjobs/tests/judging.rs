//! As of when schedules are judged, and what Jobs tell about them.

use parking_lot::Mutex;

use super::*;
use crate::model::{
    Departure, Job, JobState, Journal, JournalEntry, RestoredState, RestoredWorkload, WorkloadRef,
};

mod clock_steps;
mod missed_runs;
mod unseen_runs;

/// A store with feeds of `CronJobs` and Jobs, and a clock.
struct Scene {
    store: Arc<TargetStore>,
    jobs: FeedHandle,
    cronjobs: FeedHandle,
    journal: Arc<LastState>,
}

/// Keeps the last state of the only workload.
#[derive(Debug, Default)]
struct LastState(Mutex<Option<RestoredWorkload>>);

impl Journal for LastState {
    fn append(&self, entry: JournalEntry) {
        if let JournalEntry::RunFinished {
            workload, state, ..
        }
        | JournalEntry::WorkloadChanged { workload, state } = entry
        {
            *self.0.lock() = Some(RestoredWorkload {
                id: workload,
                state,
                last_existed: NOW.get(),
                departure: Departure::Cleanup,
            });
        }
    }
}

/// A `CronJob` of every hour that started its last run at midnight.
fn hourly() -> CronJob {
    let uid = Uid::parse("u");
    CronJob {
        created: Some(MIDNIGHT - 30 * 24 * HOUR),
        last_schedule: Some(MIDNIGHT),
        ..CronJob::new("ops".into(), "tick".into(), uid, "0 * * * *".into())
    }
}

/// The run that is due at this time after midnight.
fn run(due: Seconds, state: JobState) -> Job {
    let due = MIDNIGHT + due;
    let name = format!("tick-{due}");
    let workload = WorkloadRef {
        kind: "cronjob".into(),
        name: "tick".into(),
    };
    let uid = Uid::parse(&name);
    Job {
        state,
        due: Some(due).into(),
        created: Some(due + 1).into(),
        start: Some(due + 1).into(),
        state_since: ((state == JobState::Complete || state == JobState::Failed)
            .then_some(due + 30))
        .into(),
        ..Job::new("ops".into(), name.as_str().into(), uid, workload)
    }
}

impl Scene {
    fn new() -> Self {
        NOW.set(MIDNIGHT);
        Self::restored(Vec::new())
    }

    fn restored(workloads: Vec<RestoredWorkload>) -> Self {
        let settings = StoreSettings {
            clock,
            ..StoreSettings::default()
        };
        let state = RestoredState {
            since: MIDNIGHT,
            workloads,
            ..RestoredState::default()
        };
        let journal = Arc::new(LastState::default());
        let store = TargetStore::restored(None, settings.into(), state, journal.clone());
        let store = Arc::new(store);
        Self {
            jobs: store.clone().register(FeedScope::Jobs(None)),
            cronjobs: store.clone().register(FeedScope::CronJobs(None)),
            store,
            journal,
        }
    }

    /// The next process, which has a history.
    fn restart(&self) -> Self {
        Self::restored(self.journal.0.lock().take().into_iter().collect())
    }

    fn at(&self, time: Seconds) -> &Self {
        NOW.set(MIDNIGHT + time);
        self
    }

    fn cronjob(&self, cronjob: CronJob) -> &Self {
        let change = Change::Applied(cronjob);
        self.cronjobs.push(Update::CronJobs(change));
        self
    }

    fn job(&self, job: Job) -> &Self {
        self.jobs.push(Update::Jobs(Change::Applied(job)));
        self
    }

    fn catch_up(&self) -> &Self {
        self.jobs.push(Update::CaughtUp(clock()));
        self.cronjobs.push(Update::CaughtUp(clock()));
        self
    }

    fn status(&self) -> ScheduleStatus {
        let snapshot = self.store.snapshot();
        let record = snapshot.cronjobs.iter().next().unwrap();
        record.schedule_status().unwrap().clone()
    }

    fn workload(&self) -> WorkloadRecord {
        let snapshot = self.store.snapshot();
        let workload = snapshot.workloads.iter().next().cloned();
        workload.unwrap()
    }

    /// Overdue runs now, and missed ones in total.
    fn counts(&self) -> (Option<u64>, u64) {
        let schedule = self.workload().state.schedule;
        (self.status().overdue_runs, schedule.unwrap().missed)
    }

    fn unsuccessful(&self) -> u64 {
        self.workload().state.totals.consecutive_unsuccessful.count
    }
}

#[test]
fn nothing_becomes_overdue_while_either_feed_is_silent() {
    let scene = Scene::new();
    scene.cronjob(hourly());
    assert_eq!(scene.counts().0, None, "the Jobs are not known");
    scene.catch_up();
    assert_eq!(scene.counts(), (Some(0), 0));
    for silent in [&scene.jobs, &scene.cronjobs] {
        scene.at(5 * HOUR);
        silent.push(Update::Contact);
        silent.push(Update::CaughtUp(clock()));
        assert_eq!(scene.counts(), (Some(0), 0));
        let next = scene.status().next;
        assert_eq!(next, Some(MIDNIGHT + 6 * HOUR), "the clock goes on");
        scene.at(0).catch_up();
    }
    // The runs of the silence arrive before the feed has caught up.
    scene.at(5 * HOUR);
    for hour in 1..=5 {
        scene.job(run(hour * HOUR, JobState::Complete));
    }
    scene.catch_up();
    assert_eq!(scene.counts(), (Some(0), 0));
}

#[test]
fn a_run_that_exists_has_started_whatever_the_status_says() {
    let scene = Scene::new();
    scene.cronjob(hourly()).catch_up();
    scene.at(HOUR + 1).job(run(HOUR, JobState::Running));
    scene.at(HOUR + 600).catch_up();
    assert_eq!(scene.counts(), (Some(0), 0));
    scene.at(2 * HOUR + 61).catch_up();
    let status = scene.status();
    assert_eq!(status.overdue_since, Some(MIDNIGHT + 2 * HOUR));
    // Anybody can write the annotation.
    let far_ahead = run(1_000_000 * HOUR, JobState::Running);
    scene.job(far_ahead).catch_up();
    assert_eq!(scene.counts(), (Some(1), 1));
}

#[test]
fn a_job_that_is_over_holds_up_nothing() {
    let forbid = CronJob {
        concurrency_policy: Some(ConcurrencyPolicy::Forbid),
        active_jobs: 1,
        ..hourly()
    };
    let scene = Scene::new();
    scene.cronjob(forbid.clone()).job(run(0, JobState::Running));
    scene.at(3 * HOUR).catch_up();
    let status = scene.status();
    assert_eq!(status.blocked_since, Some(MIDNIGHT + HOUR));
    assert_eq!(status.not_started, Some(NotStarted::ForbiddenByActiveRun));
    // The status still names the Job.
    scene.at(3 * HOUR + 10).job(run(0, JobState::Failed));
    assert_eq!(scene.status().blocked_since, None);
    scene.at(3 * HOUR + 71).catch_up();
    assert_eq!(scene.counts(), (Some(1), 1));
    assert_eq!(scene.status().overdue_since, Some(MIDNIGHT + 3 * HOUR));
    // The same from the first sight on.
    let scene = Scene::new();
    scene.job(run(0, JobState::Complete));
    scene.cronjob(forbid.clone()).at(HOUR + 61).catch_up();
    assert_eq!(scene.counts().0, Some(1));
    // Without any Job in sight the status decides: a selector may hide them.
    let scene = Scene::new();
    scene.cronjob(forbid).at(HOUR + 61).catch_up();
    assert_eq!(scene.status().blocked_since, Some(MIDNIGHT + HOUR));
}

#[test]
fn a_delayed_run_of_an_interval_is_due_as_counted_from_the_last_start() {
    let every_hour = CronJob {
        schedule: "@every 1h".into(),
        concurrency_policy: Some(ConcurrencyPolicy::Forbid),
        ..hourly()
    };
    let suspended = CronJob {
        suspended: true,
        ..every_hour.clone()
    };
    let scene = Scene::new();
    scene
        .job(run(0, JobState::Running))
        .cronjob(suspended)
        .catch_up();
    scene.at(90 * MINUTE).cronjob(every_hour).catch_up();
    scene.at(150 * MINUTE).catch_up();
    let blocked_since = scene.status().blocked_since;
    assert_eq!(blocked_since, Some(MIDNIGHT + 2 * HOUR));
    scene.job(run(0, JobState::Complete));
    scene.at(150 * MINUTE + 61).catch_up();
    let overdue_since = scene.status().overdue_since;
    assert_eq!(overdue_since, Some(MIDNIGHT + 2 * HOUR));
}

#[test]
fn a_manual_job_holds_up_nothing() {
    let scene = Scene::new();
    let forbid = CronJob {
        concurrency_policy: Some(ConcurrencyPolicy::Forbid),
        ..hourly()
    };
    let manual = Job {
        due: None.into(),
        manual: true,
        ..run(10, JobState::Running)
    };
    scene.job(run(0, JobState::Complete)).job(manual);
    scene.cronjob(forbid).at(HOUR + 61).catch_up();
    assert_eq!(scene.counts().0, Some(1));
}

#[test]
fn a_missed_run_counts_once_for_ever() {
    let scene = Scene::new();
    scene.cronjob(hourly()).catch_up();
    for time in [HOUR + 61, HOUR + 70, 2 * HOUR] {
        scene.at(time).catch_up();
        assert_eq!(scene.counts(), (Some(1), 1));
    }
    assert_eq!(scene.unsuccessful(), 1);
    // It starts late.
    scene.job(run(HOUR, JobState::Running)).catch_up();
    assert_eq!(scene.counts(), (Some(0), 1));
    assert_eq!(scene.unsuccessful(), 0, "its result is not known yet");
    scene.job(run(HOUR, JobState::Failed));
    assert_eq!(scene.unsuccessful(), 1);
    scene.at(3 * HOUR + 61).catch_up();
    assert_eq!(scene.counts(), (Some(2), 3));
    assert_eq!(scene.unsuccessful(), 3);
    scene
        .at(4 * HOUR + 30)
        .job(run(4 * HOUR, JobState::Complete));
    assert_eq!(scene.unsuccessful(), 0);
    assert_eq!(scene.counts(), (Some(0), 3));
}

#[test]
fn what_was_overdue_before_the_first_sight_is_no_new_missed_run() {
    let scene = Scene::new();
    scene.at(5 * HOUR + 61).cronjob(hourly()).catch_up();
    assert_eq!(scene.counts(), (Some(5), 0));
    scene.at(6 * HOUR + 61).catch_up();
    assert_eq!(scene.counts(), (Some(6), 1));
}

#[test]
fn a_restart_continues_with_what_was_observed() {
    let deadline = CronJob {
        starting_deadline: Some(300),
        ..hourly()
    };
    for cronjob in [hourly(), deadline] {
        let scene = Scene::new();
        scene.cronjob(cronjob.clone()).catch_up();
        scene.at(2 * HOUR + 61).catch_up();
        assert_eq!(scene.counts(), (Some(2), 2));
        let next = scene.at(5 * HOUR + 1800).restart();
        next.cronjob(cronjob.clone()).catch_up();
        // With a deadline nobody knows whether it was suspended meanwhile. Without one, the controller still owes a run.
        let expected = cronjob.starting_deadline.map_or(5, |_| 2);
        assert_eq!(next.counts(), (Some(expected), expected));
        next.at(6 * HOUR + 61).catch_up();
        assert_eq!(next.counts(), (Some(expected + 1), expected + 1));
    }
}

#[test]
fn changes_while_no_process_ran_are_noticed_afterwards() {
    let suspended = CronJob {
        suspended: true,
        ..hourly()
    };
    let rescheduled = CronJob {
        schedule: "30 * * * *".into(),
        ..hourly()
    };
    for (before, after, next_due) in [
        (suspended, hourly(), 6 * HOUR),
        (hourly(), rescheduled, 5 * HOUR + 1800),
    ] {
        let scene = Scene::new();
        scene.cronjob(before).catch_up();
        let next = scene.at(5 * HOUR).restart();
        next.cronjob(after).catch_up();
        assert_eq!(next.counts(), (Some(0), 0));
        next.at(next_due + 61).catch_up();
        assert_eq!(next.counts(), (Some(1), 1));
    }
}

#[test]
fn the_first_sight_of_a_suspension_survives_restarts() {
    let suspended = CronJob {
        suspended: true,
        ..hourly()
    };
    let since = |scene: &Scene| {
        let schedule = scene.workload().state.schedule.unwrap();
        schedule.suspended_since.map(|at| at - MIDNIGHT)
    };
    let scene = Scene::new();
    scene.at(10).cronjob(suspended.clone());
    assert_eq!(since(&scene), Some(10));
    let next = scene.at(20).restart();
    assert_eq!(since(&next), Some(10), "before the API is read");
    next.at(30).cronjob(suspended);
    assert_eq!(since(&next), Some(10));
    next.cronjob(hourly());
    assert_eq!(since(&next), None);
}

#[test]
fn a_success_is_due_after_the_last_success_the_creation_or_the_last_resume() {
    let deadline = |scene: &Scene| {
        let deadline = scene.workload().success_deadline();
        deadline.map(|at| at - MIDNIGHT)
    };
    let annotated = CronJob {
        created: Some(MIDNIGHT),
        annotations: Some(Box::new(WorkloadAnnotations {
            max_success_age: Some(2 * HOUR),
            ..WorkloadAnnotations::default()
        })),
        ..hourly()
    };
    let scene = Scene::new();
    scene.cronjob(hourly());
    assert_eq!(deadline(&scene), None, "there is no threshold");
    scene.cronjob(annotated.clone());
    assert_eq!(deadline(&scene), Some(2 * HOUR));
    scene.job(run(HOUR, JobState::Complete));
    assert_eq!(deadline(&scene), Some(3 * HOUR + 30));
    let suspended = CronJob {
        suspended: true,
        ..annotated.clone()
    };
    scene.at(4 * HOUR).cronjob(suspended);
    assert_eq!(deadline(&scene), None);
    scene.at(7 * HOUR).cronjob(annotated);
    assert_eq!(deadline(&scene), Some(9 * HOUR));
}
