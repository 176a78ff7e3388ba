//! An event is written once, after what it reports is in the file.

use parking_lot::Mutex;

use super::*;
use crate::model::{EventRun, EventSink, RunEvent, RunEventKind};

/// Remembers what is written.
#[derive(Debug, Default)]
pub(super) struct RecordedEvents {
    uids: Mutex<Vec<String>>,
    dropped: Mutex<usize>,
}

impl RecordedEvents {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.uids.lock())
    }
}

impl EventSink for RecordedEvents {
    fn write(&self, event: &RunEvent) {
        let run = event.run.as_ref().unwrap();
        self.uids.lock().push(run.uid.to_string());
    }

    fn count_dropped(&self, events: usize) {
        *self.dropped.lock() += events;
    }
}

fn event(number: u32) -> JournalEntry {
    let run = run(number);
    JournalEntry::Counted(Box::new(RunEvent {
        counted: model::now(),
        target: None,
        workload: workload("nightly"),
        label_names: [].into(),
        labels: None,
        kind: RunEventKind::Succeeded,
        due: run.due,
        not_started: None,
        run: Some(EventRun::of_finished(&run)),
    }))
}

/// The entries of a run that is counted.
fn counted(counter: &mut RunCounter, number: u32) -> [JournalEntry; 2] {
    [counter.finish("nightly", run(number)), event(number)]
}

#[test]
fn an_event_is_written_once_after_its_run() {
    let mut scene = Scene::new();
    let mut counter = RunCounter::default();
    for number in 1..4 {
        scene.append(counted(&mut counter, number));
        assert_eq!(scene.events.take(), uids([]));
        scene.process_batch();
        assert_eq!(scene.events.take(), uids([number]));
    }
    // The writer took the run before its event came.
    scene.append([counter.finish("nightly", run(4))]);
    scene.process_batch();
    assert_eq!(scene.events.take(), uids([]));
    scene.append([event(4)]);
    scene.process_batch();
    assert_eq!(scene.events.take(), uids([4]));
}

#[test]
fn however_the_disk_fails_or_the_process_is_killed_no_event_is_written_without_its_run() {
    for writes in 0..40 {
        let mut scene = Scene::new();
        let mut counter = RunCounter::default();
        scene.append(counted(&mut counter, 1));
        scene.process_batch();
        scene.disk.writes_left.store(writes, Relaxed);
        scene.append((2..50).flat_map(|number| counted(&mut counter, number)));
        scene.process_batch();
        let events = scene.events.take();
        let scene = scene.killed();
        // The next process does not count what is in the file, and counts what is not.
        let missing = events.iter().find(|uid| !scene.runs().contains(uid));
        assert_eq!(missing, None, "{writes} writes");
    }
}

#[test]
fn events_wait_in_order_while_the_disk_is_full() {
    let mut scene = Scene::new();
    let mut counter = RunCounter::default();
    scene.disk.full.store(true, Relaxed);
    for number in 1..4 {
        scene.append(counted(&mut counter, number));
        assert!(!scene.process_batch().up);
    }
    assert_eq!(scene.events.take(), uids([]));
    scene.disk.full.store(false, Relaxed);
    assert!(scene.process_batch().up);
    assert_eq!(scene.events.take(), uids(1..4));
    assert_eq!(*scene.events.dropped.lock(), 0);
}

#[test]
fn events_beyond_the_limit_are_dropped_and_counted() {
    let mut scene = Scene::new();
    let mut counter = RunCounter::default();
    scene.disk.full.store(true, Relaxed);
    for _ in 0..3 {
        scene.append([counter.finish("nightly", run(1))]);
        scene.append(std::iter::repeat_with(|| event(1)).take(8_000));
        scene.process_batch();
    }
    scene.disk.full.store(false, Relaxed);
    scene.process_batch();
    assert_eq!(scene.events.take().len(), 20_000);
    assert_eq!(*scene.events.dropped.lock(), 4_000);
}

#[test]
fn events_of_a_target_that_is_removed_before_its_file_was_read_are_dropped() {
    let mut scene = Scene::new();
    let queue = scene.writer.queue.clone();
    let target = queue.new_target(Some("other"));
    let id = queue.add(AddedTarget {
        target,
        is_read: false,
    });
    let journal = TargetJournal::new(queue.clone(), id);
    for entry in counted(&mut RunCounter::default(), 1) {
        journal.append(entry);
    }
    scene.process_batch();
    queue.remove(id);
    scene.process_batch();
    assert_eq!(scene.events.take(), uids([]));
    assert_eq!(*scene.events.dropped.lock(), 1);
}

#[test]
fn events_of_a_removed_target_are_written_with_its_runs() {
    let mut scene = Scene::new();
    scene.append(counted(&mut RunCounter::default(), 1));
    let id = scene.id;
    scene.writer.queue.remove(id);
    scene.process_batch();
    assert_eq!(scene.events.take(), uids([1]));
}
