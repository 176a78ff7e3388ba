//! For how long workloads stay, and what outlives the process.

use super::*;
use parking_lot::Mutex;

#[tokio::test(start_paused = true)]
async fn a_workload_outlives_its_jobs_for_a_while() {
    let slice = slice();
    sync(&slice);
    list(&slice, []);
    apply(&slice, complete(1));
    delete(&slice, complete(1));
    advance(retention() / 2).await;
    apply(&slice, complete(2));
    delete(&slice, complete(2));
    advance(retention().checked_sub(Duration::from_secs(1)).unwrap()).await;
    assert_eq!(counts(&slice), (2, 0, 0, 0));
    advance(Duration::from_secs(1)).await;
    assert_eq!(shown(&slice), Vec::<String>::new());
    // What comes after begins anew.
    apply(&slice, complete(3));
    assert_eq!(counts(&slice), (1, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cronjob_without_jobs_and_jobs_without_their_cronjob_keep_the_workload() {
    let slice = slice();
    apply_cronjob(&slice, cronjob("c-1"));
    assert_eq!(counts(&slice), (0, 0, 0, 0));
    apply(&slice, complete(1));
    delete(&slice, complete(1));
    advance(2 * retention()).await;
    assert_eq!(counts(&slice), (1, 0, 0, 0));
    apply_cronjob(&slice, cronjob("c-2")); // created anew, with no word of the deletion
    apply(&slice, running(2));
    let deleted = Update::CronJobs(Change::Deleted(cronjob("c-2")));
    slice.push(CRONJOBS, deleted);
    advance(2 * retention()).await;
    assert_eq!(counts(&slice), (1, 0, 0, 1));
    delete(&slice, running(2));
    advance(retention()).await;
    assert_eq!(shown(&slice), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_cronjob_that_asks_to_be_left_out_keeps_nothing() {
    let slice = slice();
    let ignored = CronJob {
        ignored: true,
        ..cronjob("c")
    };
    apply_cronjob(&slice, ignored.clone());
    assert_eq!(shown(&slice), Vec::<String>::new());
    apply_cronjob(&slice, cronjob("c"));
    assert_eq!(slice.snapshot().status.cronjobs, 1);
    apply_cronjob(&slice, ignored);
    assert_eq!(slice.snapshot().status.cronjobs, 0);
    assert_eq!(slice.snapshot().cronjobs.iter().count(), 0);
    advance(retention()).await;
    assert_eq!(shown(&slice), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_success_that_only_the_cronjob_knows_of_is_the_last() {
    let slice = slice();
    let last_success = |at| CronJob {
        last_success: Some(at),
        ..cronjob("c")
    };
    apply(&slice, complete(1));
    apply_cronjob(&slice, last_success(SINCE + 500));
    apply_cronjob(&slice, last_success(SINCE));
    let totals = tick(&slice).totals;
    assert_eq!(totals.last_success, Some(SINCE + 500));
    assert_eq!(
        (totals.succeeded, totals.last.unwrap().end),
        (1, Some(SINCE + 72))
    );
}

#[tokio::test(start_paused = true)]
async fn the_workload_of_a_configured_job_stays_until_the_job_belongs_to_another() {
    let slice = slice();
    let poll = |job: Option<Job>| {
        let told = job.map_or(Update::JobAbsent, |job| Update::Jobs(Change::Applied(job)));
        slice.push(CONFIGURED, told);
    };
    let polled = |uid: &str, owner: &str, job| of("workflow", owner, named("polled", uid, job));
    poll(None);
    poll(Some(polled("1", "daily-a", complete(1))));
    poll(None);
    poll(None);
    advance(2 * retention()).await;
    assert_eq!(shown(&slice), ["workflow/daily-a"]);
    assert_eq!(workload(&slice, "daily-a").unwrap().totals.succeeded, 1);
    poll(Some(polled("2", "daily-b", running(2))));
    poll(Some(polled("2", "daily-b", complete(2))));
    assert_eq!(shown(&slice), ["workflow/daily-a", "workflow/daily-b"]);
    poll(None);
    advance(retention()).await;
    assert_eq!(shown(&slice), ["workflow/daily-b"]);
}

/// Keeps notes as they come, shortened to what they are about.
#[derive(Debug, Default)]
struct Notebook(Mutex<Vec<JournalEntry>>);

impl Journal for Notebook {
    fn note(&self, note: JournalEntry) {
        self.0.lock().push(note);
    }
}

impl Notebook {
    fn tear_out(&self) -> Vec<JournalEntry> {
        std::mem::take(&mut *self.0.lock())
    }

    fn read(&self) -> Vec<String> {
        let notes = self.tear_out();
        let line = |note: &JournalEntry| match note {
            JournalEntry::Finished { run, counted, .. } => {
                let counted = if *counted { "counted" } else { "not counted" };
                format!("{} finished, {counted}", run.uid)
            }
            JournalEntry::Changed { workload, totals } => {
                format!("{} has {} deleted", workload.name, totals.deleted)
            }
            JournalEntry::Present(uid) => format!("{uid} is there"),
            JournalEntry::Gone(uid) => format!("{uid} is gone"),
            JournalEntry::Left(workload) => format!("{} is gone", workload.name),
            JournalEntry::Synced => "synced".to_owned(),
        };
        notes.iter().map(line).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_to_outlive_the_process_is_noted_in_order() {
    let journal = Arc::new(Notebook::default());
    let slice = slice_with(RestoredState::default(), journal.clone(), false);
    list(&slice, [complete(-1), running(1), running(2)]);
    sync(&slice);
    assert_eq!(
        journal.read(),
        [
            "tick has 0 deleted",
            "tick--1 finished, not counted",
            "synced"
        ]
    );
    apply(&slice, complete(1));
    apply(&slice, complete(1));
    delete(&slice, complete(1));
    assert_eq!(
        journal.read(),
        ["tick-1 finished, counted", "tick-1 is gone"]
    );
    list(&slice, [complete(1), running(2)]);
    assert_eq!(journal.read(), ["tick-1 is there", "tick--1 is gone"]);
    list(&slice, []);
    assert_eq!(
        journal.read(),
        // What is counted is noted before the workload is left: any later note would say that it is back.
        ["tick-1 is gone", "tick has 1 deleted", "tick is gone"]
    );
    apply(&slice, running(2));
    assert_eq!(journal.read(), ["tick has 1 deleted"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_or_counted_twice_wherever_the_process_is_killed() {
    let events: [&dyn Fn(&TargetStore); 4] = [
        &|slice| {
            list(
                slice,
                [complete(-1), running(1), running(2), complete(3), failed(4)],
            );
        },
        &|slice| apply(slice, complete(1)),
        &|slice| list(slice, [failed(2), complete(3)]),
        &|slice| delete(slice, complete(3)),
    ];
    for told in 1..=events.len() {
        let journal = Arc::new(Notebook::default());
        let slice = slice_with(RestoredState::default(), journal.clone(), false);
        for event in &events[..told] {
            event(&slice);
        }
        let notes = journal.tear_out();
        for kept in 0..=notes.len() {
            let memory = recall(&notes[..kept]);
            let slice = slice_with(memory, Arc::new(NoopJournal), false);
            let last = &events[told - 1];
            last(&slice);
            list(
                &slice,
                [complete(-1), complete(1), failed(2), complete(3), failed(4)],
            );
            sync(&slice);
            let (succeeded, failed, _, active) = counts(&slice);
            assert_eq!(
                (succeeded, failed, active),
                (2, 2, 0),
                "{kept} of {notes:?}"
            );
            let durations = tick(&slice).totals.success_durations.count();
            assert_eq!(durations, succeeded);
        }
    }
}

/// What a file gives back that kept these notes.
fn recall(notes: &[JournalEntry]) -> RestoredState {
    let mut memory = RestoredState::default();
    for note in notes {
        match note {
            JournalEntry::Finished { run, .. } => memory.runs.push(run.uid.clone()),
            JournalEntry::Present(uid) => memory.runs.push(uid.clone()),
            _ => {}
        }
        if let JournalEntry::Finished {
            workload, totals, ..
        }
        | JournalEntry::Changed { workload, totals } = note
        {
            memory.workloads.retain(|(known, ..)| known != workload);
            memory.workloads.push((workload.clone(), totals.clone(), 0));
        }
    }
    memory
}

#[tokio::test(start_paused = true)]
async fn a_remembered_run_goes_on_where_it_was() {
    let id = WorkloadId {
        namespace: "maths".into(),
        kind: "cronjob".into(),
        name: "tick".into(),
    };
    let known = Totals {
        succeeded: 41,
        ..Totals::new(7)
    };
    let memory = RestoredState {
        workloads: vec![(id, known, 0)],
        runs: vec![Uid::parse("tick-1"), Uid::parse("tick-2")],
        ..RestoredState::default()
    };
    let journal = Arc::new(Notebook::default());
    let slice = slice_with(memory, journal.clone(), true);
    // A server that lags behind shows one of them as it was before its end.
    list(&slice, [complete(1), running(2)]);
    assert_eq!(counts(&slice), (41, 0, 0, 0));
    assert_eq!(journal.read(), ["tick-1 is there", "tick has 0 deleted"]);
    list(&slice, [ignored(complete(2)), complete(3)]);
    assert_eq!(counts(&slice), (42, 0, 0, 0));
    assert_eq!(
        journal.read(),
        [
            "tick-2 is there",
            "tick-3 finished, counted",
            "tick-1 is gone"
        ]
    );
    assert_eq!(tick(&slice).totals.first_seen, 7);
}
