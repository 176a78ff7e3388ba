//! What a scrape sees of schedules as time goes by and objects change.

use std::cell::Cell;

use jiff::Timestamp;

use crate::{
    model::{
        Change, ConcurrencyPolicy, CronJob, FeedId, FeedScope, NotStarted, Seconds, Sink, Uid,
        Update, WorkloadAnnotations,
    },
    store::{ScheduleStatus, StoreSettings, TargetStore},
};

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

/// One `CronJob` in a slice, and the time.
struct Stage {
    slice: TargetStore,
    cronjob: CronJob,
}

impl Stage {
    /// At midnight, with a `CronJob` that started its last run at that time.
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
        Self {
            slice: TargetStore::new(None, vec![FeedScope::CronJobs], settings.into()),
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
        self.slice.push(FeedId(0), Update::CronJobs(change));
    }

    /// So long after midnight.
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
        let snapshot = self.slice.snapshot();
        let scheduled = snapshot.cronjobs.iter().next().unwrap();
        scheduled.schedule_status().unwrap().clone()
    }

    /// How many runs are missed at this time, since when (after midnight), and why nothing was started.
    fn missed(&self, time: Seconds) -> (u64, Option<Seconds>, Option<NotStarted>) {
        let schedule_status = self.at(time).schedule_status();
        let since = schedule_status.missed_since.map(|since| since - MIDNIGHT);
        (schedule_status.missed, since, schedule_status.not_started)
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
fn a_run_is_missed_when_the_grace_is_over() {
    let mut stage = Stage::new("0 * * * *").with(|_| {});
    assert_eq!(stage.missed(HOUR - 1), NOTHING);
    assert_eq!(stage.missed(HOUR), NOTHING);
    assert_eq!(stage.missed(HOUR + 60), NOTHING);
    let unexplained = Some(NotStarted::Unexplained);
    assert_eq!(stage.missed(HOUR + 61), (1, Some(HOUR), unexplained));
    assert_eq!(stage.missed(2 * HOUR + 60), (1, Some(HOUR), unexplained));
    assert_eq!(stage.missed(2 * HOUR + 61), (2, Some(HOUR), unexplained));
    stage.change(2 * HOUR + 90, |cronjob| {
        cronjob.last_schedule = Some(MIDNIGHT + 2 * HOUR);
    });
    assert_eq!(stage.missed(2 * HOUR + 90), NOTHING);
    assert_eq!(
        stage.missed(3 * HOUR + 61),
        (1, Some(3 * HOUR), unexplained)
    );
}

#[test]
fn a_long_time_without_a_scrape_is_made_good_at_once() {
    let stage = Stage::new("0 * * * *").with(|_| {});
    assert_eq!(stage.missed(100 * HOUR + 61).0, 100);
    let stage = Stage::new("* * * * *").with(|_| {});
    assert_eq!(stage.missed(100 * HOUR).0, 1000); // and no more
    let stage = Stage::new("@every 1s").with(|_| {});
    assert_eq!(stage.missed(30 * 24 * HOUR).0, 1000);
}

#[test]
fn the_grace_is_that_of_the_annotation() {
    let grace = |seconds| {
        Stage::new("0 * * * *").with(|cronjob| {
            let annotations = WorkloadAnnotations {
                start_grace: Some(seconds),
                ..WorkloadAnnotations::default()
            };
            cronjob.annotations = Some(annotations.into());
        })
    };
    assert_eq!(grace(600).missed(HOUR + 600).0, 0);
    assert_eq!(grace(600).missed(HOUR + 601).0, 1);
    assert_eq!(grace(0).missed(HOUR).0, 0);
    assert_eq!(grace(0).missed(HOUR + 1).0, 1);
}

#[test]
fn the_next_due_time_moves_on_with_the_clock() {
    let stage = Stage::new("0 * * * *").with(|_| {});
    assert_eq!(stage.next(0), Some(HOUR));
    assert_eq!(stage.next(HOUR - 1), Some(HOUR));
    assert_eq!(stage.next(HOUR), Some(2 * HOUR));
    let stage = Stage::new("0 0 * * *").with(|cronjob| {
        cronjob.time_zone = Some("Europe/Berlin".into());
    });
    assert_eq!(stage.next(0), Some(23 * HOUR));
    // The chain hangs on the last start.
    let stage = Stage::new("@every 7m").with(|_| {});
    assert_eq!(stage.next(20 * MINUTE), Some(21 * MINUTE));
}

#[test]
fn what_is_suspended_misses_nothing_until_it_is_resumed() {
    let mut stage = Stage::new("0 * * * *").with(|cronjob| cronjob.suspended = true);
    let suspended = Some(NotStarted::Suspended);
    assert_eq!(stage.missed(HOUR - 1), NOTHING);
    assert_eq!(stage.missed(5 * HOUR + 100), (0, None, suspended));
    assert_eq!(stage.next(5 * HOUR + 100), None);
    stage.change(5 * HOUR + 200, |cronjob| cronjob.suspended = false);
    assert_eq!(stage.missed(5 * HOUR + 300), (0, None, suspended));
    assert_eq!(stage.next(5 * HOUR + 300), Some(6 * HOUR));
    let (missed, since, _) = stage.missed(6 * HOUR + 61);
    assert_eq!((missed, since), (1, Some(6 * HOUR)));
}

#[test]
fn a_run_that_waits_for_another_is_not_missed() {
    let mut stage = Stage::new("0 * * * *").with(|cronjob| {
        cronjob.concurrency_policy = Some(ConcurrencyPolicy::Forbid);
        cronjob.active_jobs = 1;
    });
    let forbidden = Some(NotStarted::ForbiddenByActiveRun);
    assert_eq!(stage.missed(HOUR - 1), NOTHING);
    assert_eq!(stage.missed(HOUR), (0, None, forbidden));
    assert_eq!(stage.missed(3 * HOUR + 1000), (0, None, forbidden));
    // The controller starts the last one as soon as nothing is in the way.
    stage.change(3 * HOUR + 1200, |cronjob| cronjob.active_jobs = 0);
    assert_eq!(stage.missed(3 * HOUR + 1260), NOTHING);
    let unexplained = Some(NotStarted::Unexplained);
    assert_eq!(
        stage.missed(3 * HOUR + 1261),
        (1, Some(3 * HOUR), unexplained)
    );
    assert_eq!(
        stage.missed(4 * HOUR + 61),
        (2, Some(3 * HOUR), unexplained)
    );
    stage.change(4 * HOUR + 70, |cronjob| {
        cronjob.last_schedule = Some(MIDNIGHT + 4 * HOUR);
        cronjob.active_jobs = 1;
    });
    assert_eq!(stage.missed(4 * HOUR + 70), NOTHING);
    // What may overlap waits for nothing.
    let allow = Stage::new("0 * * * *").with(|cronjob| {
        cronjob.concurrency_policy = Some(ConcurrencyPolicy::Allow);
        cronjob.active_jobs = 1;
    });
    assert_eq!(allow.missed(HOUR + 61).0, 1);
}

#[test]
fn a_passed_deadline_is_the_reason_and_no_excuse() {
    let stage = Stage::new("0 * * * *").with(|cronjob| cronjob.starting_deadline = Some(300));
    assert_eq!(stage.missed(HOUR + 30), NOTHING);
    let unexplained = Some(NotStarted::Unexplained);
    let passed = Some(NotStarted::DeadlinePassed);
    assert_eq!(stage.missed(HOUR + 300), (1, Some(HOUR), unexplained));
    assert_eq!(stage.missed(HOUR + 301), (1, Some(HOUR), passed));
    assert_eq!(stage.missed(2 * HOUR), (1, Some(HOUR), unexplained));
    assert_eq!(stage.missed(2 * HOUR + 301), (2, Some(HOUR), passed));
    // One that is shorter than the grace says so at once; the run is missed when the grace is over.
    let stage = Stage::new("0 * * * *").with(|cronjob| cronjob.starting_deadline = Some(10));
    assert_eq!(stage.missed(HOUR + 11), (0, None, passed));
    assert_eq!(stage.missed(HOUR + 61), (1, Some(HOUR), passed));
}

#[test]
fn what_was_due_before_anybody_looked_may_have_been_slept_through() {
    // Resumed a while ago, with a deadline: the controller made good for nothing, and nobody saw it.
    let stage = Stage::new("0 * * * *");
    let mut cronjob = stage.cronjob.clone();
    cronjob.last_schedule = Some(MIDNIGHT - 10 * HOUR);
    cronjob.starting_deadline = Some(300);
    let stage = stage.with(|known| *known = cronjob.clone());
    assert_eq!(stage.missed(30), NOTHING);
    assert_eq!(stage.missed(HOUR + 61).0, 2); // that of midnight could still have been started
    // Without one it would have started a run.
    cronjob.starting_deadline = None;
    let stage = Stage::new("0 * * * *").with(|known| *known = cronjob.clone());
    assert_eq!(stage.missed(0).0, 9);
}

#[test]
fn another_schedule_begins_when_it_is_seen() {
    let mut stage = Stage::new("0 0 * * *").with(|_| {});
    stage.change(10 * HOUR + 100, |cronjob| {
        cronjob.schedule = "0 * * * *".into();
    });
    assert_eq!(stage.missed(10 * HOUR + 1000), NOTHING);
    assert_eq!(stage.missed(11 * HOUR + 61).0, 1);
}

#[test]
fn a_schedule_that_makes_no_sense_says_so() {
    for (schedule, zone) in [
        ("0 0 30 2 *", None),
        ("every morning", None),
        ("", None),
        ("0 0 * * *", Some("Mars/Olympus")),
    ] {
        let stage = Stage::new(schedule).with(|cronjob| {
            cronjob.time_zone = zone.map(Into::into);
        });
        let schedule_status = stage.at(48 * HOUR).schedule_status();
        assert!(!schedule_status.valid, "{schedule}");
        assert_eq!(schedule_status.next, None);
        assert_eq!(stage.missed(72 * HOUR), NOTHING);
    }
    let mut stage = Stage::new("every morning").with(|_| {});
    stage.change(HOUR, |cronjob| cronjob.schedule = "0 7 * * *".into());
    assert_eq!(stage.next(HOUR), Some(7 * HOUR));
}

#[test]
fn a_cronjob_that_never_ran_counts_from_its_creation() {
    let stage = Stage::new("0 * * * *").with(|cronjob| {
        cronjob.last_schedule = None;
        cronjob.created = Some(MIDNIGHT + 90 * MINUTE);
    });
    assert_eq!(stage.missed(119 * MINUTE), NOTHING);
    assert_eq!(stage.missed(2 * HOUR + 61).0, 1);
}

#[test]
fn one_that_takes_the_place_of_another_inherits_nothing() {
    let mut stage = Stage::new("0 * * * *").with(|cronjob| cronjob.suspended = true);
    stage.change(5 * HOUR + 100, |cronjob| {
        cronjob.uid = Uid::parse("v");
        cronjob.suspended = false;
        cronjob.created = Some(MIDNIGHT + 5 * HOUR + 90);
        cronjob.last_schedule = None;
    });
    assert_eq!(stage.missed(5 * HOUR + 200), NOTHING);
    assert_eq!(stage.missed(6 * HOUR + 61).0, 1);
}

#[test]
fn many_are_looked_at_when_their_time_comes() {
    let stage = Stage::new("0 * * * *");
    let cronjob = |n: i64| {
        let name = format!("tick-{n}");
        let schedule = format!("{} * * * *", n % 60);
        let uid = Uid::parse(&name);
        let mut cronjob = CronJob::new("ops".into(), name.into(), uid, schedule.into());
        cronjob.last_schedule = Some(MIDNIGHT);
        cronjob
    };
    let all = (0..3000).map(cronjob).collect();
    stage
        .slice
        .push(FeedId(0), Update::CronJobs(Change::Replaced(all)));
    let missed = |time| {
        stage.at(time);
        let snapshot = stage.slice.snapshot();
        let timetables = snapshot
            .cronjobs
            .iter()
            .filter_map(|one| one.schedule_status());
        timetables
            .map(|schedule_status| schedule_status.missed)
            .sum::<u64>()
    };
    assert_eq!(missed(0), 0);
    // Minute 0 is due with the last start; 1 to 10 have passed, and their grace.
    assert_eq!(missed(11 * MINUTE + 1), 50 * 10);
    assert_eq!(missed(61 * MINUTE + 1), 50 * 60);
    assert_eq!(missed(121 * MINUTE + 1), 50 * 120);
}
