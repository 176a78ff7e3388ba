//! How long workloads stay, and what survives a restart.

use super::*;
use crate::store::memory_journal::MemoryJournal;

#[tokio::test(start_paused = true)]
async fn a_workload_outlives_its_jobs_for_a_while() {
    let target = target();
    sync(&target);
    list(&target, []);
    apply(&target, complete(1));
    delete(&target, complete(1));
    advance(retention() / 2).await;
    apply(&target, complete(2));
    delete(&target, complete(2));
    advance(retention().checked_sub(Duration::from_secs(1)).unwrap()).await;
    assert_eq!(counts(&target), (2, 0, 0, 0));
    advance(Duration::from_secs(1)).await;
    assert_eq!(shown(&target), Vec::<String>::new());
    // A later run restarts from zero.
    apply(&target, complete(3));
    assert_eq!(counts(&target), (1, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cronjob_without_jobs_and_jobs_without_their_cronjob_keep_the_workload() {
    let target = target();
    apply_cronjob(&target, cronjob("c-1"));
    assert_eq!(counts(&target), (0, 0, 0, 0));
    apply(&target, complete(1));
    delete(&target, complete(1));
    advance(2 * retention()).await;
    assert_eq!(counts(&target), (1, 0, 0, 0));
    apply_cronjob(&target, cronjob("c-2")); // created again, and the deletion was missed
    apply(&target, running(2));
    let deleted = Update::CronJobs(Change::Deleted(cronjob("c-2")));
    target.cronjobs.push(deleted);
    advance(2 * retention()).await;
    assert_eq!(counts(&target), (1, 0, 0, 1));
    delete(&target, running(2));
    advance(retention()).await;
    assert_eq!(shown(&target), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_ignored_cronjob_keeps_no_workload() {
    let target = target();
    let ignored = CronJob {
        ignored: true,
        ..cronjob("c")
    };
    apply_cronjob(&target, ignored.clone());
    assert_eq!(shown(&target), Vec::<String>::new());
    apply_cronjob(&target, cronjob("c"));
    assert_eq!(target.store.snapshot().status.cronjobs, 1);
    apply_cronjob(&target, ignored);
    assert_eq!(target.store.snapshot().status.cronjobs, 0);
    assert_eq!(target.store.snapshot().cronjobs.iter().count(), 0);
    advance(retention()).await;
    assert_eq!(shown(&target), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_success_that_only_the_cronjob_reports_is_the_last() {
    let target = target();
    let last_success = |at| CronJob {
        last_success: Some(at),
        ..cronjob("c")
    };
    apply(&target, complete(1));
    apply_cronjob(&target, last_success(SINCE + 500));
    apply_cronjob(&target, last_success(SINCE));
    let totals = tick(&target).state.totals;
    assert_eq!(totals.last_success, Some(SINCE + 500));
    assert_eq!(
        (totals.succeeded, totals.last.unwrap().end),
        (1, Some(SINCE + 72))
    );
}

#[tokio::test(start_paused = true)]
async fn the_workload_of_a_configured_job_stays_until_the_job_belongs_to_another() {
    let target = target();
    let poll = |job: Option<Job>| {
        let update = job.map_or(Update::JobAbsent, |job| Update::Jobs(Change::Applied(job)));
        target.configured.push(update);
    };
    let polled = |uid: &str, owner: &str, job| of("workflow", owner, named("polled", uid, job));
    poll(None);
    poll(Some(polled("1", "daily-a", complete(1))));
    poll(None);
    poll(None);
    advance(2 * retention()).await;
    assert_eq!(shown(&target), ["workflow/daily-a"]);
    assert_eq!(
        workload(&target, "daily-a").unwrap().state.totals.succeeded,
        1
    );
    poll(Some(polled("2", "daily-b", running(2))));
    poll(Some(polled("2", "daily-b", complete(2))));
    assert_eq!(shown(&target), ["workflow/daily-a", "workflow/daily-b"]);
    poll(None);
    advance(retention()).await;
    assert_eq!(shown(&target), ["workflow/daily-b"]);
}

/// Whether the Job with this name and uid is present, and whether its run is counted.
fn known(target: &Target, name: &str) -> (bool, bool) {
    let uid = Uid::parse(name);
    (
        target.store.is_present("maths", name, &uid),
        target.store.is_counted("maths", name, &uid),
    )
}

const PRESENT: (bool, bool) = (true, true);
const GONE: (bool, bool) = (false, true);
const UNKNOWN: (bool, bool) = (false, false);

#[tokio::test(start_paused = true)]
async fn entries_come_in_order_and_the_store_knows_which_jobs_are_present() {
    let journal = Arc::new(MemoryJournal::default());
    let target = target_with(RestoredState::default(), journal.clone(), false);
    list(&target, [complete(-1), running(1), running(2)]);
    sync(&target);
    assert_eq!(
        journal.lines(),
        [
            "tick has 0 deleted",
            "tick--1 finished, not counted",
            "synced"
        ]
    );
    assert_eq!(known(&target, "tick-1"), PRESENT, "though it is active");
    apply(&target, complete(1));
    apply(&target, complete(1));
    assert_eq!(known(&target, "tick-1"), PRESENT);
    delete(&target, complete(1));
    assert_eq!(journal.lines(), ["tick-1 finished, counted"]);
    assert_eq!(known(&target, "tick-1"), GONE);
    list(&target, [complete(1), running(2)]);
    assert_eq!(journal.lines(), Vec::<String>::new());
    assert_eq!(known(&target, "tick-1"), PRESENT);
    assert_eq!(known(&target, "tick--1"), GONE);
    list(&target, []);
    assert_eq!(
        journal.lines(),
        // The new total precedes the end of the workload: a later entry would revoke the end.
        ["tick has 1 deleted", "tick is gone"]
    );
    assert_eq!(known(&target, "tick-1"), GONE);
    apply(&target, running(2));
    assert_eq!(journal.lines(), ["tick has 1 deleted"]);
    advance(UID_RETENTION).await;
    target.jobs.push(Update::Contact);
    assert_eq!(known(&target, "tick-1"), UNKNOWN);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_or_counted_twice_wherever_the_process_is_killed() {
    let events: [&dyn Fn(&Target); 4] = [
        &|target| {
            list(
                target,
                [complete(-1), running(1), running(2), complete(3), failed(4)],
            );
        },
        &|target| apply(target, complete(1)),
        &|target| list(target, [failed(2), complete(3)]),
        &|target| delete(target, complete(3)),
    ];
    for count in 1..=events.len() {
        let journal = Arc::new(MemoryJournal::default());
        let target = target_with(RestoredState::default(), journal.clone(), false);
        for event in &events[..count] {
            event(&target);
        }
        let entries = journal.take();
        for kept in 0..=entries.len() {
            let restored = restore(&entries[..kept]);
            let target = target_with(restored, Arc::new(NoopJournal), false);
            let last = &events[count - 1];
            last(&target);
            list(
                &target,
                [complete(-1), complete(1), failed(2), complete(3), failed(4)],
            );
            sync(&target);
            let (succeeded, failed, _, active) = counts(&target);
            assert_eq!(
                (succeeded, failed, active),
                (2, 2, 0),
                "{kept} of {entries:?}"
            );
            let durations = tick(&target).state.totals.success_durations.count();
            assert_eq!(durations, succeeded);
        }
    }
}

/// The state of a file with these entries.
pub(super) fn restore(entries: &[JournalEntry]) -> RestoredState {
    let mut restored = RestoredState::default();
    for entry in entries {
        if let JournalEntry::RunFinished { run, .. } = entry {
            restored.runs.push(run.uid.clone());
        }
        if let JournalEntry::RunFinished {
            workload, state, ..
        }
        | JournalEntry::WorkloadChanged { workload, state } = entry
        {
            restored.workloads.retain(|known| known.id != *workload);
            restored.workloads.push(RestoredWorkload {
                id: workload.clone(),
                state: state.clone(),
                last_existed: 0,
                departure: Departure::Cleanup,
            });
        }
    }
    restored
}

#[tokio::test(start_paused = true)]
async fn a_restored_workload_continues_and_its_runs_are_not_counted_again() {
    let id = WorkloadId {
        namespace: "maths".into(),
        kind: "cronjob".into(),
        name: "tick".into(),
    };
    let totals = Totals {
        succeeded: 41,
        ..Totals::new(7)
    };
    let restored = RestoredState {
        workloads: vec![RestoredWorkload {
            id,
            state: totals.into(),
            last_existed: 0,
            departure: Departure::Cleanup,
        }],
        runs: vec![Uid::parse("tick-1"), Uid::parse("tick-2")],
        ..RestoredState::default()
    };
    let journal = Arc::new(MemoryJournal::default());
    let target = target_with(restored, journal.clone(), true);
    assert_eq!(known(&target, "tick-1"), GONE, "it may still be present");
    // A lagging server shows one of them as it was before its end.
    list(&target, [complete(1), running(2)]);
    assert_eq!(counts(&target), (41, 0, 0, 0));
    assert_eq!(journal.lines(), ["tick has 0 deleted"]);
    assert_eq!(known(&target, "tick-1"), PRESENT);
    list(&target, [ignored(complete(2)), complete(3)]);
    assert_eq!(counts(&target), (42, 0, 0, 0));
    assert_eq!(journal.lines(), ["tick-3 finished, counted"]);
    assert_eq!(known(&target, "tick-1"), GONE);
    assert_eq!(known(&target, "tick-2"), PRESENT, "though it is ignored");
    assert_eq!(known(&target, "tick-3"), PRESENT);
    // Expiry starts when everything was read.
    advance(10 * UID_RETENTION).await;
    list(&target, []);
    assert_eq!(known(&target, "tick-2"), GONE);
    assert_eq!(tick(&target).state.totals.first_seen, 7);
}
