//! All Jobs of an owner are one run, which is counted once it has settled.

use std::cell::Cell;

use jiff::Timestamp;

use super::*;
use crate::model::{RunEvent, RunEventKind, TickOutcome};
use crate::store::memory_journal::MemoryJournal;

mod feeds;
mod leaving;
mod restarts;

thread_local! {
    /// The wall clock.
    static NOW: Cell<Seconds> = const { Cell::new(SINCE) };
}

impl MemoryJournal {
    /// What was counted, in order: the kind of the event and the Job.
    fn events(&self) -> Vec<(RunEventKind, String)> {
        let entries = self.entries();
        let events = entries.iter().filter_map(|entry| match entry {
            JournalEntry::Counted(event) => Some(event),
            _ => None,
        });
        let event = |event: &RunEvent| {
            let run = event.run.as_ref().unwrap();
            (event.kind, run.job_name.to_string())
        };
        events.map(|counted| event(counted)).collect()
    }

    /// The runs in the order in which they were written: start, end, result, the deciding Job, whether they are counted.
    fn runs(&self) -> Vec<String> {
        let entries = self.entries();
        let runs = entries.iter().filter_map(|entry| match entry {
            JournalEntry::RunFinished { run, counted, .. } => Some((&**run, counted)),
            _ => None,
        });
        let line = |(run, counted): (&crate::model::Run, &bool)| {
            let at = |time: Option<Seconds>| time.map_or(-1, |time| time - SINCE);
            let counted = if *counted { "" } else { ", not counted" };
            format!(
                "{}-{} {} by {}, {} Jobs of {}{counted}",
                at(run.start),
                at(run.end),
                run.result.as_str(),
                run.job_name,
                run.jobs.map_or(0, std::num::NonZeroU32::get),
                run.uid
            )
        };
        runs.map(line).collect()
    }
}

/// A target whose wall clock is that of these tests, and whose feeds were read.
fn settling(restored: RestoredState) -> (Target, Arc<MemoryJournal>) {
    settling_with(restored, StoreSettings::default())
}

/// The same with these settings otherwise.
fn settling_with(restored: RestoredState, settings: StoreSettings) -> (Target, Arc<MemoryJournal>) {
    let journal = Arc::new(MemoryJournal::default());
    let settings = StoreSettings {
        clock: || Timestamp::from_second(NOW.get()).unwrap(),
        last_jobs_only: true,
        events: true,
        ..settings
    };
    let target = target_of(settings, restored, journal.clone());
    (target, journal)
}

fn synced() -> (Target, Arc<MemoryJournal>) {
    NOW.set(SINCE);
    let (target, journal) = settling(RestoredState::default());
    list(&target, []);
    sync(&target);
    (target, journal)
}

async fn pass(seconds: u64) {
    advance(Duration::from_secs(seconds)).await;
    NOW.set(NOW.get() + Seconds::try_from(seconds).unwrap());
}

/// A Job of the `JobSet` `bert` with the uid `owner`. It was created at this second, and started at the next one. Its state is as of now.
fn owned_by(owner: &str, name: &str, created: Seconds, state: JobState) -> Job {
    let workload = Owner {
        kind: "jobset".into(),
        name: "bert".into(),
    };
    let uid = Uid::parse(&format!("{name}@{created}"));
    let finished = matches!(state, JobState::Complete | JobState::Failed);
    let owner = Uid::parse(owner);
    Job {
        state,
        created: Some(SINCE + created).into(),
        start: (state != JobState::Suspended)
            .then_some(SINCE + created + 1)
            .into(),
        state_since: finished.then(|| NOW.get()).into(),
        failure: (state == JobState::Failed).then_some(FailureReason::BackoffLimitExceeded),
        ..Job::new("maths".into(), name.into(), uid, workload)
    }
    .with_template(|template| template.owner_uid = Some(owner.into()))
}

fn owned(name: &str, created: Seconds, state: JobState) -> Job {
    owned_by("u1", name, created, state)
}

fn bert(target: &Target) -> WorkloadRecord {
    workload(target, "bert").expect("the workload is shown")
}

/// Succeeded, failed, deleted, active.
fn runs(target: &Target) -> (u64, u64, u64, usize) {
    counts_of(&bert(target))
}

/// Failed runs in a row, and those without success.
fn in_a_row(target: &Target) -> (u64, u64) {
    let totals = bert(target).state.totals;
    (
        totals.consecutive_failures.count,
        totals.consecutive_unsuccessful.count,
    )
}

fn last(target: &Target) -> Option<(bool, Seconds)> {
    let last = bert(target).state.totals.last;
    last.map(|last| (last.succeeded, last.duration().unwrap()))
}

#[tokio::test(start_paused = true)]
async fn several_jobs_are_one_run_from_the_first_start_to_the_last_end() {
    let (target, journal) = synced();
    apply(&target, owned("driver", 0, JobState::Running));
    pass(10).await;
    apply(&target, owned("worker", 10, JobState::Suspended));
    apply(&target, owned("worker", 10, JobState::Running));
    assert_eq!(runs(&target), (0, 0, 0, 1));
    assert_eq!(bert(&target).oldest_active_start(), Some(SINCE + 1));
    assert_eq!(bert(&target).jobs, 2);
    pass(20).await;
    let driver = owned("driver", 0, JobState::Complete);
    apply(&target, driver.clone());
    pass(100).await;
    assert_eq!(runs(&target), (0, 0, 0, 1), "the worker runs");
    apply(&target, owned("worker", 10, JobState::Complete));
    pass(59).await;
    assert_eq!(runs(&target), (0, 0, 0, 1), "a step may follow");
    pass(1).await;
    assert_eq!(runs(&target), (1, 0, 0, 0));
    assert_eq!(last(&target), Some((true, 129)));
    assert_eq!(journal.runs(), ["1-130 succeeded by worker, 2 Jobs of u1"]);
    let shown = bert(&target).state;
    assert_eq!(
        (shown.totals.success_durations.count(), shown.ticks.len()),
        (1, 1)
    );
    assert_eq!(jobs_shown(&target), ["worker"], "only the one that decided");
    // What changes afterwards changes nothing.
    for _ in 0..2 {
        apply(&target, driver.clone());
        delete(&target, driver.clone());
        pass(3600).await;
    }
    assert_eq!((runs(&target), in_a_row(&target)), ((1, 0, 0, 0), (0, 0)));
    assert_eq!(journal.runs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_of_suspended_jobs_is_not_active() {
    let (target, _) = synced();
    apply(&target, owned("driver", 0, JobState::Suspended));
    assert_eq!(runs(&target), (0, 0, 0, 0));
    apply(&target, owned("driver", 0, JobState::Running));
    assert_eq!(runs(&target), (0, 0, 0, 1));
    apply(&target, owned("driver", 0, JobState::Suspended));
    pass(3600).await;
    assert_eq!(runs(&target), (0, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_steps_of_a_workflow_are_one_run_though_each_is_deleted_before_the_next() {
    let (target, journal) = synced();
    for (name, state) in [("a", JobState::Failed), ("b", JobState::Complete)] {
        let created = NOW.get() - SINCE;
        apply(&target, owned(name, created, JobState::Running));
        pass(20).await;
        delete(&target, owned(name, created, state));
        pass(50).await;
    }
    assert_eq!(runs(&target), (0, 0, 0, 1));
    pass(10).await;
    assert_eq!((runs(&target), in_a_row(&target)), ((0, 1, 0, 0), (1, 1)));
    assert_eq!(journal.runs(), ["1-90 failed by a, 2 Jobs of u1"]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_replaces_the_failed_job_of_the_same_name_and_what_was_stopped_for_it() {
    let (target, journal) = synced();
    let running = |name, created| owned(name, created, JobState::Running);
    for name in ["driver", "worker"] {
        apply(&target, running(name, 0));
    }
    pass(5).await;
    apply(&target, owned("worker", 0, JobState::Failed));
    pass(20).await;
    delete(&target, owned("worker", 0, JobState::Failed));
    delete(&target, running("driver", 0));
    assert_eq!(runs(&target), (0, 0, 0, 1));
    pass(10).await;
    for name in ["driver", "worker"] {
        apply(&target, running(name, 35));
        pass(5).await;
        apply(&target, owned(name, 35, JobState::Complete));
    }
    pass(60).await;
    assert_eq!((runs(&target), in_a_row(&target)), ((1, 0, 0, 0), (0, 0)));
    assert_eq!(journal.runs(), ["1-45 succeeded by worker, 4 Jobs of u1"]);
}

#[tokio::test(start_paused = true)]
async fn a_later_job_reopens_the_run_which_counts_once_and_shows_its_new_result() {
    for (first, second) in [
        (JobState::Failed, JobState::Complete),
        (JobState::Complete, JobState::Failed),
        (JobState::Failed, JobState::Failed),
        (JobState::Complete, JobState::Complete),
    ] {
        let (target, journal) = synced();
        let failed = |state| state == JobState::Failed;
        apply(&target, owned("a", 0, JobState::Running));
        pass(9).await;
        apply(&target, owned("a", 0, first));
        pass(100).await;
        let counted = if failed(first) { (0, 1, 0) } else { (1, 0, 0) };
        let is = |active| (counted.0, counted.1, counted.2, active);
        assert_eq!(runs(&target), is(0));
        // A retry, or a step that comes late.
        delete(&target, owned("a", 0, first));
        apply(&target, owned("a", 109, JobState::Running));
        assert_eq!(runs(&target), is(1));
        assert_eq!(bert(&target).oldest_active_start(), Some(SINCE + 1));
        assert_eq!(last(&target), Some((!failed(first), 8)), "as before");
        pass(21).await;
        apply(&target, owned("a", 109, second));
        pass(60).await;
        assert_eq!(runs(&target), is(0), "{first:?} {second:?}");
        assert_eq!(last(&target), Some((!failed(second), 129)));
        let row = u64::from(failed(second));
        assert_eq!(in_a_row(&target), (row, row), "{first:?} {second:?}");
        assert_eq!(journal.events().len(), 1, "a counted run has one event");
        let (first, second) = (bert(&target), journal.runs());
        assert_eq!(first.state.ticks.len(), 1);
        assert_eq!(second.len(), 2);
        assert!(second[1].starts_with("1-130 "), "{second:?}");
        // The next execution is another run.
        apply(&target, owned_by("u2", "a", 300, JobState::Running));
        pass(200).await;
        apply(&target, owned_by("u2", "a", 300, JobState::Failed));
        pass(60).await;
        assert_eq!(in_a_row(&target), (row + 1, row + 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_jobs_are_all_gone_before_one_finished_is_counted_as_deleted_once() {
    for seen in [true, false] {
        let (target, journal) = synced();
        apply(&target, owned("a", 0, JobState::Running));
        apply(&target, owned("b", 0, JobState::Running));
        pass(5).await;
        apply(&target, owned("a", 0, JobState::Complete));
        let a = owned("a", 0, JobState::Complete);
        if seen {
            delete(&target, owned("b", 0, JobState::Running));
            delete(&target, a);
        } else {
            list(&target, []);
        }
        pass(60).await;
        assert_eq!(runs(&target), (0, 0, 1, 0));
        assert_eq!(in_a_row(&target), (0, u64::from(seen)));
        let ticks = bert(&target).state.ticks;
        let deleted = ticks.iter().filter(|it| it.outcome == TickOutcome::Deleted);
        assert_eq!(deleted.count(), usize::from(seen));
        // A lagging server shows it again.
        apply(&target, owned("b", 0, JobState::Running));
        assert_eq!(runs(&target), (0, 0, 1, 1));
        list(&target, []);
        pass(60).await;
        assert_eq!(runs(&target), (0, 0, 1, 0));
        // It had a retry after all.
        apply(&target, owned("b", 70, JobState::Running));
        apply(&target, owned("b", 70, JobState::Failed));
        pass(60).await;
        assert_eq!((runs(&target), in_a_row(&target)), ((0, 1, 1, 0), (1, 1)));
        assert_eq!(journal.runs().len(), 1);
        let lost = if seen {
            RunEventKind::Deleted
        } else {
            RunEventKind::Disappeared
        };
        let events = [lost, RunEventKind::Failed].map(|kind| (kind, "b".to_owned()));
        assert_eq!(journal.events(), events);
    }
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_has_its_result_may_stop_the_jobs_that_are_left() {
    let (target, _) = synced();
    apply(&target, owned("a", 0, JobState::Running));
    apply(&target, owned("b", 0, JobState::Running));
    pass(5).await;
    apply(&target, owned("a", 0, JobState::Complete));
    delete(&target, owned("b", 0, JobState::Running));
    pass(60).await;
    assert_eq!(runs(&target), (1, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn runs_that_were_over_at_first_sight_settle_when_everything_was_read() {
    NOW.set(SINCE);
    let (target, _) = settling(RestoredState::default());
    let old = owned_by("u0", "old", -300, JobState::Complete);
    NOW.set(SINCE + 500);
    let ended = owned("a", 400, JobState::Complete);
    NOW.set(SINCE + 1000);
    let page = Change::Listed(vec![old, ended]);
    target.jobs.push(Update::Jobs(page));
    pass(600).await;
    assert_eq!(last(&target), None, "the list may have more");
    list(&target, [owned("a", 400, JobState::Complete)]);
    sync(&target);
    assert_eq!(runs(&target), (1, 0, 0, 0));
    assert_eq!(last(&target).map(|(succeeded, _)| succeeded), Some(true));
}

#[tokio::test(start_paused = true)]
async fn no_run_settles_while_its_jobs_cannot_be_read() {
    let (target, journal) = synced();
    apply(&target, owned("a", 0, JobState::Running));
    pass(10).await;
    apply(&target, owned("a", 0, JobState::Complete));
    let error = crate::model::FeedError::default();
    target.jobs.push(Update::Failed(error));
    pass(3600).await;
    assert_eq!(runs(&target), (0, 0, 0, 1));
    list(
        &target,
        [
            owned("a", 0, JobState::Complete),
            owned("b", 40, JobState::Running),
        ],
    );
    target.jobs.push(Update::Contact);
    pass(60).await;
    assert_eq!(runs(&target), (0, 0, 0, 1), "a step followed");
    apply(&target, owned("b", 40, JobState::Complete));
    pass(60).await;
    assert_eq!((runs(&target), journal.runs().len()), ((1, 0, 0, 0), 1));
}
