//! What a scrape sees of schedules as time passes and objects change.

use std::{cell::Cell, sync::Arc};

use jiff::Timestamp;

use crate::{
    model::{
        Change, ConcurrencyPolicy, CronJob, FeedHandle, FeedScope, NotStarted, Seconds, Sink, Uid,
        Update, WorkloadAnnotations,
    },
    store::{ScheduleStatus, StoreSettings, TargetStore, WorkloadRecord},
};

mod judging;

thread_local! {
    static NOW: Cell<Seconds> = const { Cell::new(0) };
}

/// 2026-11-23T00:00:00Z, a Monday.
const MIDNIGHT: Seconds = 1_795_392_000;
const MINUTE: Seconds = 60;
const HOUR: Seconds = 3600;

fn clock() -> Timestamp {
    Timestamp::from_second(NOW.get()).unwrap()
}

/// A store with one `CronJob`, and a clock.
struct Scenario {
    store: Arc<TargetStore>,
    cronjobs: FeedHandle,
    cronjob: CronJob,
}

impl Scenario {
    /// The clock is at midnight, when the `CronJob` started its last run.
    fn new(schedule: &str) -> Self {
        NOW.set(MIDNIGHT);
        let settings = StoreSettings {
            clock,
            ..StoreSettings::default()
        };
        let uid = Uid::parse("u");
        let mut cronjob = CronJob::new("ops".into(), "tick".into(), uid, schedule.into());
        cronjob.created = Some(MIDNIGHT - 30 * 24 * HOUR);
        cronjob.last_schedule = Some(MIDNIGHT);
        let store = Arc::new(TargetStore::new(None, settings.into()));
        Self {
            cronjobs: store.clone().register(FeedScope::CronJobs(None)),
            store,
            cronjob,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut CronJob)) -> Self {
        change(&mut self.cronjob);
        self.push();
        self
    }

    fn push(&self) {
        let change = Change::Applied(self.cronjob.clone());
        self.cronjobs.push(Update::CronJobs(change));
        self.catch_up();
    }

    /// Everything until now was received.
    fn catch_up(&self) {
        self.cronjobs.push(Update::CaughtUp(clock()));
    }

    /// Sets the clock to this time after midnight.
    fn at(&self, time: Seconds) -> &Self {
        NOW.set(MIDNIGHT + time);
        self
    }

    fn change(&mut self, time: Seconds, change: impl FnOnce(&mut CronJob)) {
        self.at(time);
        change(&mut self.cronjob);
        self.push();
    }

    fn schedule_status(&self) -> ScheduleStatus {
        self.catch_up();
        let snapshot = self.store.snapshot();
        let scheduled = snapshot.cronjobs.iter().next().unwrap();
        scheduled.schedule_status().unwrap().clone()
    }

    /// Number of overdue runs at this time, the first overdue due time (after midnight), and why nothing started.
    fn overdue(&self, time: Seconds) -> (u64, Option<Seconds>, Option<NotStarted>) {
        let status = self.at(time).schedule_status();
        let since = status.overdue_since.map(|since| since - MIDNIGHT);
        let runs = status.overdue_runs.unwrap_or_default();
        (runs, since, status.not_started)
    }

    fn next(&self, time: Seconds) -> Option<Seconds> {
        self.at(time)
            .schedule_status()
            .next
            .map(|next| next - MIDNIGHT)
    }
}

const NOTHING: (u64, Option<Seconds>, Option<NotStarted>) = (0, None, None);

#[test]
fn a_run_is_overdue_when_the_grace_is_over() {
    let mut scenario = Scenario::new("0 * * * *").with(|_| {});
    assert_eq!(scenario.overdue(HOUR - 1), NOTHING);
    assert_eq!(scenario.overdue(HOUR), NOTHING);
    assert_eq!(scenario.overdue(HOUR + 60), NOTHING);
    let unexplained = Some(NotStarted::Unexplained);
    assert_eq!(scenario.overdue(HOUR + 61), (1, Some(HOUR), unexplained));
    assert_eq!(
        scenario.overdue(2 * HOUR + 60),
        (1, Some(HOUR), unexplained)
    );
    assert_eq!(
        scenario.overdue(2 * HOUR + 61),
        (2, Some(HOUR), unexplained)
    );
    scenario.change(2 * HOUR + 90, |cronjob| {
        cronjob.last_schedule = Some(MIDNIGHT + 2 * HOUR);
    });
    assert_eq!(scenario.overdue(2 * HOUR + 90), NOTHING);
    assert_eq!(
        scenario.overdue(3 * HOUR + 61),
        (1, Some(3 * HOUR), unexplained)
    );
}

#[test]
fn overdue_runs_are_counted_after_a_long_time_without_contact() {
    let scenario = Scenario::new("0 * * * *").with(|_| {});
    assert_eq!(scenario.overdue(100 * HOUR + 61).0, 100);
    let scenario = Scenario::new("* * * * *").with(|_| {});
    assert_eq!(scenario.overdue(100 * HOUR).0, 1000); // the maximum
    let scenario = Scenario::new("@every 1s").with(|_| {});
    assert_eq!(scenario.overdue(30 * 24 * HOUR).0, 1000);
}

#[test]
fn the_grace_is_that_of_the_annotation() {
    let grace = |seconds| {
        Scenario::new("0 * * * *").with(|cronjob| {
            let annotations = WorkloadAnnotations {
                start_grace: Some(seconds),
                ..WorkloadAnnotations::default()
            };
            cronjob.annotations = Some(annotations.into());
        })
    };
    assert_eq!(grace(600).overdue(HOUR + 600).0, 0);
    assert_eq!(grace(600).overdue(HOUR + 601).0, 1);
    assert_eq!(grace(0).overdue(HOUR).0, 0);
    assert_eq!(grace(0).overdue(HOUR + 1).0, 1);
}

#[test]
fn the_next_due_time_advances_with_the_clock() {
    let scenario = Scenario::new("0 * * * *").with(|_| {});
    assert_eq!(scenario.next(0), Some(HOUR));
    assert_eq!(scenario.next(HOUR - 1), Some(HOUR));
    assert_eq!(scenario.next(HOUR), Some(2 * HOUR));
    let scenario = Scenario::new("0 0 * * *").with(|cronjob| {
        cronjob.time_zone = Some("Europe/Berlin".into());
    });
    assert_eq!(scenario.next(0), Some(23 * HOUR));
    // `@every` counts from the last start.
    let scenario = Scenario::new("@every 7m").with(|_| {});
    assert_eq!(scenario.next(20 * MINUTE), Some(21 * MINUTE));
}

#[test]
fn nothing_is_overdue_until_a_suspended_cronjob_is_resumed() {
    let mut scenario = Scenario::new("0 * * * *").with(|cronjob| cronjob.suspended = true);
    let suspended = Some(NotStarted::Suspended);
    assert_eq!(scenario.overdue(HOUR - 1), NOTHING);
    assert_eq!(scenario.overdue(5 * HOUR + 100), (0, None, suspended));
    assert_eq!(scenario.next(5 * HOUR + 100), None);
    scenario.change(5 * HOUR + 200, |cronjob| cronjob.suspended = false);
    assert_eq!(scenario.overdue(5 * HOUR + 300), (0, None, suspended));
    assert_eq!(scenario.next(5 * HOUR + 300), Some(6 * HOUR));
    let (overdue, since, _) = scenario.overdue(6 * HOUR + 61);
    assert_eq!((overdue, since), (1, Some(6 * HOUR)));
}

#[test]
fn a_run_that_waits_for_an_active_one_is_not_overdue() {
    let mut scenario = Scenario::new("0 * * * *").with(|cronjob| {
        cronjob.concurrency_policy = Some(ConcurrencyPolicy::Forbid);
        cronjob.active_jobs = 1;
    });
    let forbidden = Some(NotStarted::ForbiddenByActiveRun);
    assert_eq!(scenario.overdue(HOUR - 1), NOTHING);
    assert_eq!(scenario.overdue(HOUR), (0, None, forbidden));
    assert_eq!(scenario.overdue(3 * HOUR + 1000), (0, None, forbidden));
    // The controller starts the latest due run as soon as no run is active.
    scenario.change(3 * HOUR + 1200, |cronjob| cronjob.active_jobs = 0);
    assert_eq!(scenario.overdue(3 * HOUR + 1260), NOTHING);
    let unexplained = Some(NotStarted::Unexplained);
    assert_eq!(
        scenario.overdue(3 * HOUR + 1261),
        (1, Some(3 * HOUR), unexplained)
    );
    assert_eq!(
        scenario.overdue(4 * HOUR + 61),
        (2, Some(3 * HOUR), unexplained)
    );
    scenario.change(4 * HOUR + 70, |cronjob| {
        cronjob.last_schedule = Some(MIDNIGHT + 4 * HOUR);
        cronjob.active_jobs = 1;
    });
    assert_eq!(scenario.overdue(4 * HOUR + 70), NOTHING);
    // With the policy Allow, no run waits.
    let allow = Scenario::new("0 * * * *").with(|cronjob| {
        cronjob.concurrency_policy = Some(ConcurrencyPolicy::Allow);
        cronjob.active_jobs = 1;
    });
    assert_eq!(allow.overdue(HOUR + 61).0, 1);
}

#[test]
fn a_run_past_its_deadline_is_overdue_with_that_reason() {
    let scenario = Scenario::new("0 * * * *").with(|cronjob| cronjob.starting_deadline = Some(300));
    assert_eq!(scenario.overdue(HOUR + 30), NOTHING);
    let unexplained = Some(NotStarted::Unexplained);
    let passed = Some(NotStarted::DeadlinePassed);
    assert_eq!(scenario.overdue(HOUR + 300), (1, Some(HOUR), unexplained));
    assert_eq!(scenario.overdue(HOUR + 301), (1, Some(HOUR), passed));
    assert_eq!(scenario.overdue(2 * HOUR), (1, Some(HOUR), unexplained));
    assert_eq!(scenario.overdue(2 * HOUR + 301), (2, Some(HOUR), passed));
    // A deadline shorter than the grace is the reason at once; the run is overdue when the grace is over.
    let scenario = Scenario::new("0 * * * *").with(|cronjob| cronjob.starting_deadline = Some(10));
    assert_eq!(scenario.overdue(HOUR + 11), (0, None, passed));
    assert_eq!(scenario.overdue(HOUR + 61), (1, Some(HOUR), passed));
}

#[test]
fn due_times_before_the_first_observation_may_have_passed_during_a_suspension() {
    // Resumed before the first observation. With a deadline, the controller starts none of the earlier runs.
    let scenario = Scenario::new("0 * * * *");
    let mut cronjob = scenario.cronjob.clone();
    cronjob.last_schedule = Some(MIDNIGHT - 10 * HOUR);
    cronjob.starting_deadline = Some(300);
    let scenario = scenario.with(|known| *known = cronjob.clone());
    assert_eq!(scenario.overdue(30), NOTHING);
    assert_eq!(scenario.overdue(HOUR + 61).0, 2); // the run of midnight could still have started
    // Without a deadline it would have started a run.
    cronjob.starting_deadline = None;
    let scenario = Scenario::new("0 * * * *").with(|known| *known = cronjob.clone());
    assert_eq!(scenario.overdue(0).0, 9);
}

#[test]
fn a_changed_schedule_applies_from_the_time_of_its_observation() {
    let mut scenario = Scenario::new("0 0 * * *").with(|_| {});
    scenario.change(10 * HOUR + 100, |cronjob| {
        cronjob.schedule = "0 * * * *".into();
    });
    assert_eq!(scenario.overdue(10 * HOUR + 1000), NOTHING);
    assert_eq!(scenario.overdue(11 * HOUR + 61).0, 1);
}

#[test]
fn an_invalid_schedule_has_no_due_times() {
    for (schedule, zone) in [
        ("0 0 30 2 *", None),
        ("every morning", None),
        ("", None),
        ("0 0 * * *", Some("Mars/Olympus")),
    ] {
        let scenario = Scenario::new(schedule).with(|cronjob| {
            cronjob.time_zone = zone.map(Into::into);
        });
        let status = scenario.at(48 * HOUR).schedule_status();
        assert_eq!(status.valid, Some(false), "{schedule}");
        assert_eq!(status.next, None);
        assert_eq!(scenario.overdue(72 * HOUR), NOTHING);
    }
    let mut scenario = Scenario::new("every morning").with(|_| {});
    scenario.change(HOUR, |cronjob| cronjob.schedule = "0 7 * * *".into());
    assert_eq!(scenario.next(HOUR), Some(7 * HOUR));
}

#[test]
fn a_schedule_that_is_too_long_is_not_evaluated() {
    let list = |length: usize| "0,".repeat((length - 9) / 2) + "0 * * * *";
    for (length, valid) in [(4_095, Some(true)), (4_097, None)] {
        let scenario = Scenario::new("short").with(|cronjob| {
            cronjob.long_schedule = Some(list(length).into());
        });
        let status = scenario.at(48 * HOUR).schedule_status();
        assert_eq!(
            (status.valid, status.next.is_some()),
            (valid, valid.is_some())
        );
    }
}

#[test]
fn due_times_of_a_cronjob_that_never_ran_start_at_its_creation() {
    let scenario = Scenario::new("0 * * * *").with(|cronjob| {
        cronjob.last_schedule = None;
        cronjob.created = Some(MIDNIGHT + 90 * MINUTE);
    });
    assert_eq!(scenario.overdue(119 * MINUTE), NOTHING);
    assert_eq!(scenario.overdue(2 * HOUR + 61).0, 1);
}

#[test]
fn a_cronjob_that_replaces_another_inherits_nothing() {
    let mut scenario = Scenario::new("0 * * * *").with(|cronjob| cronjob.suspended = true);
    scenario.change(5 * HOUR + 100, |cronjob| {
        cronjob.uid = Uid::parse("v");
        cronjob.suspended = false;
        cronjob.created = Some(MIDNIGHT + 5 * HOUR + 90);
        cronjob.last_schedule = None;
    });
    assert_eq!(scenario.overdue(5 * HOUR + 200), NOTHING);
    assert_eq!(scenario.overdue(6 * HOUR + 61).0, 1);
}

#[test]
fn many_cronjobs_are_evaluated_when_they_are_due() {
    let scenario = Scenario::new("0 * * * *");
    let cronjob = |n: i64| {
        let name = format!("tick-{n}");
        let schedule = format!("{} * * * *", n % 60);
        let uid = Uid::parse(&name);
        let mut cronjob = CronJob::new("ops".into(), name.into(), uid, schedule.into());
        cronjob.last_schedule = Some(MIDNIGHT);
        cronjob
    };
    let all = (0..3000).map(cronjob).collect();
    scenario
        .cronjobs
        .push(Update::CronJobs(Change::Replaced(all)));
    let overdue = |time| {
        scenario.at(time).catch_up();
        let snapshot = scenario.store.snapshot();
        let statuses = snapshot
            .cronjobs
            .iter()
            .filter_map(|one| one.schedule_status());
        statuses
            .filter_map(|status| status.overdue_runs)
            .sum::<u64>()
    };
    assert_eq!(overdue(0), 0);
    // Minute 0 is the last start. Minutes 1 to 10 have passed, with their grace.
    assert_eq!(overdue(11 * MINUTE + 1), 50 * 10);
    assert_eq!(overdue(61 * MINUTE + 1), 50 * 60);
    assert_eq!(overdue(121 * MINUTE + 1), 50 * 120);
}
