//! Targets that come and go while the file is open.

use super::*;
use crate::history::storage::HistoryTarget;

/// A target that was added while the file is open.
pub(super) struct Added {
    id: TargetId,
    pub(super) journal: TargetJournal,
    since: Seconds,
    pub(super) counter: RunCounter,
}

impl Added {
    pub(super) fn id(&self) -> TargetId {
        self.id
    }

    pub(super) fn finish(&mut self, number: u32) {
        self.journal
            .append(self.counter.finish("nightly", run(number)));
    }
}

impl Scene {
    pub(super) fn add(&self, name: &str) -> Added {
        let target = self.writer.queue.new_target(Some(name));
        let since = target.row.since;
        let is_read = false;
        let id = self.writer.queue.add(AddedTarget { target, is_read });
        Added {
            id,
            journal: TargetJournal::new(self.writer.queue.clone(), id),
            since,
            counter: RunCounter::default(),
        }
    }

    pub(super) fn attach(&self, added: &Added) -> Arc<FakeStore> {
        attached(&self.writer.queue, added.id)
    }

    fn remove(&self, added: &Added) {
        self.writer.queue.remove(added.id);
    }

    /// What the file has of a target.
    fn read(&self, name: &str) -> RestoredState {
        let file = self.writer.storage.file.as_ref().expect("an open file");
        let target = HistoryTarget {
            row: TargetRow { since: 0, seen: 0 },
            ..self.writer.queue.new_target(Some(name))
        };
        file.read(&target).unwrap().1
    }

    /// The number of runs in the file of a target, and the number that its totals include.
    fn counts(&self, name: &str) -> (usize, u64) {
        let restored = self.read(name);
        let totals = restored.workloads.iter();
        let totals = totals.map(|workload| workload.state.totals.succeeded);
        (restored.runs.len(), totals.sum())
    }

    /// The targets that the writer has besides the one that is there from the start.
    fn others(&self) -> usize {
        self.writer.targets.len() - 1
    }

    /// The disk fails, and the writer has noticed it: the file cannot even be read.
    fn fail(&mut self) {
        self.disk.full.store(true, Relaxed);
        self.append([JournalEntry::Synced]);
        assert!(!self.process_batch().up);
    }
}

/// A history that has three runs of a target that was removed, and when it was first read.
fn with_removed() -> (Scene, Seconds) {
    let mut scene = Scene::new();
    let mut added = scene.add("prod");
    let store = scene.attach(&added);
    for number in 1..=3 {
        added.finish(number);
    }
    scene.process_batch();
    assert_eq!(
        store.adopted.lock().as_ref().map(|it| it.runs.len()),
        Some(0)
    );
    scene.remove(&added);
    scene.process_batch();
    assert_eq!(scene.others(), 0);
    // As if it had been long ago.
    let file = scene.writer.storage.file.as_ref().unwrap();
    let (since, seen) = (1_000, 2_000);
    let target = HistoryTarget {
        row: TargetRow { since, seen },
        ..scene.writer.queue.new_target(Some("prod"))
    };
    let pending = PendingWrites::default();
    let writes = TargetWrites {
        target: &target,
        pending: &pending,
    };
    file.write(&[writes]).unwrap();
    scene
        .writer
        .storage
        .file
        .as_mut()
        .unwrap()
        .committed()
        .unwrap();
    (scene, since)
}

#[test]
fn an_added_target_continues_from_the_rows_of_its_name() {
    let (mut scene, since) = with_removed();
    let mut added = scene.add("prod");
    added.finish(4);
    assert_eq!(scene.process_batch().waiting, 1);
    assert_eq!(scene.counts("prod"), (3, 3), "it has no store to continue");
    let store = scene.attach(&added);
    // The store reports its states after it has continued.
    let mut counter = RunCounter::default();
    let all = (1..=4).map(|number| counter.finish("nightly", run(number)));
    *store.all.lock() = vec![all.last().unwrap()];
    assert_eq!(scene.process_batch().waiting, 0);
    let adopted = store.adopted.lock().take().expect("a state");
    assert_eq!((adopted.since, adopted.runs.len()), (since, 3));
    assert_eq!(adopted.workloads[0].last_existed, 2_000);
    assert_eq!(scene.counts("prod"), (4, 4));
    assert_eq!(scene.read("prod").since, since);
    scene.process_batch_of(&added.journal, counter.finish("nightly", run(5)));
    assert!(store.adopted.lock().is_none(), "only once");
    assert_eq!(scene.counts("prod"), (5, 5));
}

#[test]
fn an_added_target_without_rows_is_counted_from_when_it_was_added() {
    for disk_fails in [false, true] {
        let mut scene = Scene::new();
        scene.process_batch();
        if disk_fails {
            scene.fail();
        }
        let mut added = scene.add("prod");
        added.since -= 60;
        let store = scene.attach(&added);
        // As if it had been a minute ago.
        let (batches, _) = scene.writer.queue.take_changes(Duration::ZERO);
        scene.writer.add(batches);
        let target = scene.writer.targets.get_mut(&added.id).unwrap();
        target.target.row.since = added.since;
        added.finish(1);
        scene.process_batch();
        assert_eq!(store.adopted.lock().is_none(), disk_fails);
        if disk_fails {
            scene.disk.full.store(false, Relaxed);
            assert!(scene.process_batch().up);
        }
        let adopted = store.adopted.lock().take().expect("a state");
        assert_eq!((adopted.since, adopted.runs.len()), (added.since, 0));
        assert!(adopted.workloads.is_empty());
        let scene = scene.next();
        assert_eq!(scene.runs(), uids([]), "the other target has none");
        assert_eq!(scene.counts("prod"), (1, 1));
        assert_eq!(scene.read("prod").since, added.since);
    }
}

#[test]
fn rows_of_a_target_that_is_added_while_the_disk_fails_are_not_overwritten() {
    let (mut scene, since) = with_removed();
    scene.fail();
    let mut added = scene.add("prod");
    let store = scene.attach(&added);
    added.finish(4);
    assert!(!scene.process_batch().up);
    assert!(store.adopted.lock().is_none());
    scene.disk.full.store(false, Relaxed);
    let status = scene.process_batch();
    assert_eq!((status.up, status.waiting), (true, 0));
    let adopted = store.adopted.lock().take().expect("a state");
    assert_eq!((adopted.since, adopted.runs.len()), (since, 3));
    assert_eq!(adopted.workloads[0].state.totals.succeeded, 3);
}

#[test]
fn a_target_that_is_removed_and_added_again_continues_from_its_last_changes() {
    for disk_fails in [false, true] {
        let mut scene = Scene::new();
        let mut first = scene.add("prod");
        let first_store = scene.attach(&first);
        first.finish(1);
        scene.process_batch();
        scene.disk.full.store(disk_fails, Relaxed);
        first.finish(2);
        if disk_fails {
            scene.process_batch();
        }
        first.finish(3);
        scene.remove(&first);
        drop(first_store);
        let mut second = scene.add("prod");
        let store = scene.attach(&second);
        second.finish(4);
        if disk_fails {
            scene.process_batch();
            assert_eq!(scene.others(), 2, "both wait");
            scene.disk.full.store(false, Relaxed);
        }
        let status = scene.process_batch();
        assert_eq!((status.waiting, status.dropped), (0, 0));
        let adopted = store.adopted.lock().take().expect("a state");
        assert_eq!(adopted.runs.len(), 3);
        assert_eq!(adopted.workloads[0].state.totals.succeeded, 3);
        assert_eq!(scene.others(), 1);
    }
}

#[test]
fn a_target_that_is_removed_and_added_while_the_writer_reads_another_is_not_forgotten() {
    let mut scene = Scene::new();
    let mut first = scene.add("prod");
    let first_store = scene.attach(&first);
    scene.process_batch();
    first.finish(1);
    // The store of another target is asked to continue. Meanwhile a reload comes.
    let other = scene.add("test");
    let store = scene.attach(&other);
    let queue = scene.writer.queue.clone();
    let later = Arc::new(parking_lot::Mutex::new(None));
    let set = later.clone();
    let id = first.id;
    store.on_adopt.set(move || {
        queue.remove(id);
        let target = queue.new_target(Some("prod"));
        let is_read = false;
        let id = queue.add(AddedTarget { target, is_read });
        *set.lock() = Some(attached(&queue, id));
    });
    scene.process_batch();
    drop(first_store);
    let later = later.lock().take().expect("a store");
    let adopted = later.adopted.lock().take().expect("a state");
    assert_eq!(adopted.runs.len(), 1);
    assert_eq!(scene.others(), 2);
}

#[test]
fn changes_of_a_target_that_is_removed_before_it_was_read_are_dropped() {
    let (mut scene, _) = with_removed();
    scene.fail();
    for attach in [true, false] {
        let mut added = scene.add("prod");
        let store = attach.then(|| scene.attach(&added));
        added.finish(4);
        scene.process_batch();
        added.finish(5);
        scene.remove(&added);
        scene.process_batch();
        assert_eq!(scene.others(), 0);
        drop(store);
    }
    scene.disk.full.store(false, Relaxed);
    let status = scene.process_batch();
    assert_eq!((status.up, status.waiting, status.dropped), (true, 0, 4));
    assert_eq!(scene.counts("prod"), (3, 3));
}

#[test]
fn entries_of_a_removed_target_are_ignored() {
    let (mut scene, _) = with_removed();
    let mut added = scene.add("prod");
    let store = scene.attach(&added);
    scene.process_batch();
    scene.remove(&added);
    added.finish(4);
    scene.attach(&added);
    added.journal.relieve(&*store);
    assert_eq!(scene.process_batch().waiting, 0);
    added.finish(5);
    scene.remove(&added);
    assert_eq!(scene.writer.queue.status.snapshot().waiting, 0);
    assert_eq!((scene.others(), scene.counts("prod")), (0, (3, 3)));
}

#[test]
fn a_removed_target_existed_until_it_was_removed() {
    let mut scene = Scene::new();
    let mut added = scene.add("prod");
    let store = scene.attach(&added);
    added.finish(1);
    added.journal.append(JournalEntry::Synced);
    *store.workloads.lock() = [workload("nightly")].into();
    scene.process_batch();
    let target = scene.writer.targets.get_mut(&added.id).unwrap();
    target.target.row.seen = 1_000;
    scene.remove(&added);
    scene.process_batch();
    let existed = scene.read("prod").workloads[0].last_existed;
    assert!(model::now().as_second() - existed < 100, "{existed}");
}

#[test]
fn a_thousand_targets_that_come_and_go_leave_nothing_in_memory() {
    for disk_fails in [false, true] {
        let mut scene = Scene::new();
        scene.process_batch();
        let mut stays = scene.add("prod");
        let stores = scene.attach(&stays);
        stays.finish(0);
        scene.process_batch();
        if disk_fails {
            scene.fail();
        }
        for round in 1..=1_000 {
            scene.remove(&stays);
            stays = scene.add("prod");
            let store = scene.attach(&stays);
            stays.finish(round);
            if round % 25 == 0 {
                scene.process_batch();
                assert!(scene.others() <= 2, "round {round}");
            }
            drop(store);
        }
        drop(stores);
        scene.remove(&stays);
        scene.disk.full.store(false, Relaxed);
        assert_eq!(scene.process_batch().waiting, 0);
        assert_eq!((scene.others(), scene.writer.queue.targets()), (0, 1));
        let file = scene.writer.storage.file.as_ref().unwrap();
        assert_eq!(target_names(file), ["", "prod"]);
    }
}
