//! Which events are appended to the journal. `tests/it/simulation` compares them with the counters.

use super::*;
use crate::{
    config::{LabelSource, MappedLabel},
    model::{EventSink, LabelValues, NotStarted, RunEvent, RunEventKind},
    store::memory_journal::MemoryJournal,
};
use parking_lot::Mutex;

fn with_events(restored: RestoredState) -> (Target, Arc<MemoryJournal>) {
    let journal = Arc::new(MemoryJournal::default());
    let settings = StoreSettings {
        events: true,
        ..StoreSettings::default()
    };
    let target = target_of(settings, restored, journal.clone());
    (target, journal)
}

/// The events since the last call. Each comes behind a state that counts it.
fn events(journal: &MemoryJournal) -> Vec<RunEvent> {
    let mut events = Vec::new();
    let mut reported = 0;
    for entry in journal.take() {
        match entry {
            JournalEntry::RunFinished { state, .. }
            | JournalEntry::WorkloadChanged { state, .. } => {
                let Totals {
                    succeeded,
                    failed,
                    deleted,
                    ..
                } = state.totals;
                let missed = state.schedule.map_or(0, |schedule| schedule.missed);
                reported = succeeded + failed + deleted + missed;
            }
            JournalEntry::Counted(event) => {
                events.push(*event);
                assert!(events.len() as u64 <= reported, "{events:?}");
            }
            _ => {}
        }
    }
    events
}

/// Names of events, each with the name of its Job.
fn lines(journal: &MemoryJournal) -> Vec<String> {
    let line = |event: &RunEvent| {
        let job = event.run.as_ref().map_or("none", |run| &run.job_name);
        format!("{} {job}", event.kind.as_str())
    };
    events(journal).iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn each_counted_run_is_one_event() {
    type Steps = fn(&Target);
    let cases: [(&str, Steps, &[&str]); 9] = [
        (
            "finished runs",
            |target| {
                apply(target, complete(1));
                apply(target, failed(2));
            },
            &["run_succeeded tick-1", "run_failed tick-2"],
        ),
        (
            "the same state again, a lagging API server, and the deletion afterwards",
            |target| {
                apply(target, complete(1));
                apply(target, complete(1));
                apply(target, running(1));
                list(target, [complete(1)]);
                delete(target, complete(1));
                list(target, [complete(1)]);
            },
            &["run_succeeded tick-1"],
        ),
        (
            "a deleted Job",
            |target| {
                apply(target, running(1));
                delete(target, running(1));
                delete(target, running(1));
            },
            &["run_deleted tick-1"],
        ),
        (
            "a Job that is missing in a list",
            |target| {
                list(target, [running(1)]);
                list(target, []);
            },
            &["run_disappeared tick-1"],
        ),
        (
            "an old server showed a deleted Job, which had finished",
            |target| {
                apply(target, running(1));
                delete(target, running(1));
                apply(target, complete(1));
            },
            &["run_deleted tick-1", "run_succeeded tick-1"],
        ),
        (
            "a run that ended before anything was read",
            |target| list(target, [complete(-10)]),
            &[],
        ),
        (
            "ignored Jobs",
            |target| {
                apply(target, ignored(complete(1)));
                delete(target, ignored(running(2)));
            },
            &[],
        ),
        (
            "a Job without an owner",
            |target| apply(target, of("job", "tick-3", complete(3))),
            &["run_succeeded tick-3"],
        ),
        ("active runs", |target| apply(target, running(1)), &[]),
    ];
    for (about, steps, expected) in cases {
        let (target, journal) = with_events(RestoredState::default());
        steps(&target);
        assert_eq!(lines(&journal), expected, "{about}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_has_the_facts_of_its_run() {
    let (target, journal) = with_events(RestoredState::default());
    apply(&target, failed(1));
    let event = events(&journal).remove(0);
    assert_eq!(event.kind, RunEventKind::Failed);
    assert_eq!(&*event.workload.name, "tick");
    assert_eq!(event.due, Some(SINCE + 60));
    let run = event.run.unwrap();
    assert_eq!((run.start_delay, run.duration), (Some(2), Some(10)));
    assert_eq!(run.reason, Some(FailureReason::DeadlineExceeded));
    let manual = Job {
        manual: true,
        ..running(2)
    };
    apply(&target, manual.clone());
    delete(&target, manual);
    let run = events(&journal).remove(0).run.unwrap();
    assert!(run.manual);
    assert_eq!(
        (run.end, run.duration, run.start_delay),
        (None, None, Some(2))
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_has_the_labels_of_when_it_was_counted() {
    let (target, journal) = with_events(RestoredState::default());
    let mapped = |label: &str| MappedLabel {
        label: label.to_owned(),
        source: LabelSource::Label(label.to_owned()),
    };
    for labels in [["team", "app"], ["app", "team"]] {
        target.store.configure(StoreSettings {
            events: true,
            labels: labels.map(mapped).into(),
            ..StoreSettings::default()
        });
        let number = if labels[0] == "team" { 1 } else { 2 };
        let job = complete(number);
        let mut template = (*job.template).clone();
        template.labels = Some(LabelValues::from(labels.map(Name::from)));
        apply(
            &target,
            Job {
                template: template.into(),
                ..job
            },
        );
    }
    for event in events(&journal) {
        let values: Vec<_> = event
            .labels
            .as_deref()
            .unwrap()
            .iter()
            .map(|it| &**it)
            .collect();
        assert_eq!(*event.label_names, values[..]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_starts_and_stops_events() {
    let (target, journal) = with_events(RestoredState::default());
    let configure = |events| {
        target.store.configure(StoreSettings {
            events,
            ..StoreSettings::default()
        });
    };
    configure(false);
    apply(&target, complete(1));
    configure(true);
    apply(&target, complete(2));
    assert_eq!(lines(&journal), ["run_succeeded tick-2"]);
}

#[tokio::test(start_paused = true)]
async fn runs_of_earlier_processes_are_no_events() {
    let (target, journal) = with_events(RestoredState {
        runs: vec![complete(1).uid],
        ..RestoredState::default()
    });
    list(&target, [complete(1), complete(2)]);
    assert_eq!(lines(&journal), ["run_succeeded tick-2"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_delayed_history_does_not_have_is_an_event_once_it_was_read() {
    let (target, journal) = with_events(RestoredState {
        delayed: true,
        ..RestoredState::default()
    });
    list(&target, [complete(1), complete(2), running(3)]);
    apply(&target, failed(3));
    assert_eq!(lines(&journal), ["run_failed tick-3"]);
    target.store.adopt(RestoredState {
        since: SINCE,
        runs: vec![complete(1).uid],
        ..RestoredState::default()
    });
    assert_eq!(lines(&journal), ["run_succeeded tick-2"]);
}

#[derive(Debug, Default)]
struct Kinds(Mutex<Vec<RunEventKind>>);

impl EventSink for Kinds {
    fn write(&self, event: &RunEvent) {
        self.0.lock().push(event.kind);
    }

    fn count_dropped(&self, _: usize) {}
}

#[tokio::test(start_paused = true)]
async fn without_a_history_events_are_written_at_once() {
    let sink = Arc::new(Kinds::default());
    let settings = StoreSettings {
        events: true,
        clock: || jiff::Timestamp::from_second(SINCE).unwrap(),
        ..StoreSettings::default()
    };
    let store = Arc::new(TargetStore::with_events(
        None,
        settings.into(),
        sink.clone(),
    ));
    let jobs = store.clone().register(FeedScope::Jobs(None));
    jobs.push(Update::Jobs(Change::Replaced(vec![
        complete(-1),
        complete(1),
    ])));
    assert_eq!(*sink.0.lock(), [RunEventKind::Succeeded]);
}

#[tokio::test(start_paused = true)]
async fn only_due_times_that_are_counted_as_missed_are_events() {
    let (target, journal) = with_events(RestoredState::default());
    let missed = |due, counted| crate::store::workloads::OverdueRun {
        due,
        reason: NotStarted::Unexplained,
        counted,
    };
    apply_cronjob(&target, cronjob("it"));
    journal.take();
    let overdue = [missed(SINCE, false), missed(SINCE + 60, true)];
    let schedule = crate::model::ScheduleState {
        missed: 1,
        ..Default::default()
    };
    target
        .store
        .facts()
        .workloads
        .set_schedule(&cronjob("it"), schedule, &overdue);
    let events = events(&journal);
    let [event] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(
        (event.kind, event.due),
        (RunEventKind::Missed, Some(SINCE + 60))
    );
    assert_eq!(event.not_started, Some(NotStarted::Unexplained));
    assert_eq!(event.run, None);
}
