//! The writer step by step, on a disk that fails on demand.

use std::{io, path::Path, thread};

use redb::backends::FileBackend;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    history::{
        HistorySettings, StatusSnapshot,
        batch::AddedTarget,
        file::{DatabaseSlot, FileStorage, HistoryFile, Location, tables::TARGETS},
        pending::PendingWrites,
        rows::{Bounds, TargetRow},
        storage::{Limits, TargetWrites},
        tests::{FakeStore, RunCounter, run, settings, uid, workload},
        write_queue::TargetJournal,
    },
    model::{
        Departure, Journal as _, JournalEntry, RestoredState, Run, Seconds, StoreLookup, Totals,
    },
};

mod deletion;
mod disk;
mod events;
mod lost;
mod readers;
mod relabelled;
mod synced;
mod targets;

use disk::{Backend, Disk};
use events::RecordedEvents;

/// A history whose writer works on demand.
struct Scene {
    directory: TempDir,
    disk: Arc<Disk>,
    id: TargetId,
    journal: TargetJournal,
    writer: Writer<FileStorage>,
    store: Arc<FakeStore>,
    restored: RestoredState,
    events: Arc<RecordedEvents>,
}

impl Scene {
    fn new() -> Self {
        Self::open(TempDir::new().unwrap())
    }

    fn open(directory: TempDir) -> Self {
        Self::start(directory, true)
    }

    /// A process that can read the file at its start, or not.
    fn start(directory: TempDir, readable: bool) -> Self {
        let disk = Arc::new(Disk {
            full: (!readable).into(),
            writes_left: u64::MAX.into(),
        });
        let backend_disk = disk.clone();
        let location = Location {
            path: directory.path().join("history.redb"),
            bounds: Bounds {
                run_duration: vec![60.0],
                start_delay: vec![1.0],
            },
            open_database: Arc::new(move |builder: &redb::Builder, path: &Path| {
                let mut options = std::fs::OpenOptions::new();
                let file = options
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(path)?;
                let file = FileBackend::new(file)?;
                let disk = backend_disk.clone();
                builder.create_with_backend(Backend { file, disk })
            }),
            slot: DatabaseSlot::default(),
        };
        let settings = HistorySettings {
            runs_per_workload: 3,
            max_age: Duration::from_hours(24),
            ..settings(Path::new(""))
        };
        let events = Arc::<RecordedEvents>::default();
        let queue = WriteQueue::new(&settings, Arc::default(), events.clone());
        let queue = Arc::new(queue);
        let mut target = queue.new_target(None);
        let mut storage = FileStorage::new(location);
        let restored = match storage.start(&[&target]) {
            Ok(mut restored) => restored.remove(0),
            Err(error) if readable => panic!("{error:?}"),
            Err(_) => (target.row, RestoredState::default()),
        };
        target.row = restored.0;
        let is_read = storage.is_open();
        let id = queue.add(AddedTarget { target, is_read });
        let ended = CancellationToken::new().drop_guard();
        Self {
            directory,
            disk,
            journal: TargetJournal::new(queue.clone(), id),
            store: attached(&queue, id),
            writer: Writer::new(queue, storage, ended),
            id,
            restored: restored.1,
            events,
        }
    }

    /// The writer's state of the target that is there from the start.
    fn target(&mut self) -> &mut TargetWriter {
        self.writer.targets.get_mut(&self.id).unwrap()
    }

    fn append(&self, entries: impl IntoIterator<Item = JournalEntry>) {
        entries
            .into_iter()
            .for_each(|entry| self.journal.append(entry));
    }

    fn set_present(&self, runs: impl IntoIterator<Item = u32>) {
        *self.store.present.lock() = runs.into_iter().map(uid).collect();
    }

    fn set_counted(&self, runs: impl IntoIterator<Item = u32>) {
        *self.store.counted.lock() = runs.into_iter().map(uid).collect();
    }

    fn set_workloads(&self, names: &[&str]) {
        *self.store.workloads.lock() = names.iter().map(|name| workload(name)).collect();
    }

    fn process_batch(&mut self) -> StatusSnapshot {
        self.writer.retry_delay = Duration::ZERO;
        self.writer.process_batch();
        self.writer.queue.status.snapshot()
    }

    /// Processes this entry of another target.
    fn process_batch_of(&mut self, journal: &TargetJournal, entry: JournalEntry) {
        journal.append(entry);
        self.process_batch();
    }

    /// Prunes as if everything had been read [`UID_RETENTION`] ago.
    fn prune(&mut self) {
        let target = self.target();
        assert!(
            matches!(target.phase, TargetPhase::Settled { prune_from } if prune_from > Instant::now())
        );
        let prune_from = Instant::now();
        target.phase = TargetPhase::Settled { prune_from };
        self.prune_now();
    }

    /// Prunes as if the interval was over.
    fn prune_now(&mut self) {
        self.writer.prune_at = Instant::now();
        self.append([JournalEntry::WorkloadGone(
            workload("other"),
            Departure::Cleanup,
        )]);
        self.process_batch();
    }

    /// The next process, after this one ended normally.
    fn next(mut self) -> Self {
        self.writer.queue.close();
        assert!(self.writer.process_batch());
        self.killed()
    }

    /// The next process, after this one was killed.
    fn killed(self) -> Self {
        drop(self.writer);
        Self::open(self.directory)
    }

    fn runs(&self) -> Vec<String> {
        let mut runs: Vec<_> = self.restored.runs.iter().map(ToString::to_string).collect();
        runs.sort();
        runs
    }
}

/// A store that is attached to this target.
fn attached(queue: &Arc<WriteQueue>, id: TargetId) -> Arc<FakeStore> {
    let store = Arc::new(FakeStore::default());
    let journal = TargetJournal::new(queue.clone(), id);
    store.journal.set(journal).unwrap();
    let lookup: Arc<dyn StoreLookup> = store.clone();
    queue.attach(id, Arc::downgrade(&lookup));
    store
}

/// The names of the targets in the file.
fn target_names(file: &HistoryFile) -> Vec<String> {
    use redb::{ReadableDatabase as _, ReadableTable as _};
    let transaction = file.database.begin_read().unwrap();
    let targets = transaction.open_table(TARGETS).unwrap();
    let names = targets.iter().unwrap();
    names.map(|row| row.unwrap().0.value().to_owned()).collect()
}

fn uids(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers
        .into_iter()
        .map(|number| uid(number).to_string())
        .collect()
}

/// A run that ended just now.
fn recent(number: u32) -> Run {
    let now = model::now().as_second();
    Run {
        start: Some(now - 1),
        end: Some(now),
        ..run(number)
    }
}

#[test]
fn a_run_is_in_the_file_together_with_the_totals_that_include_it() {
    let mut outcomes = std::collections::BTreeSet::new();
    for writes in 0..40 {
        let mut scene = Scene::new();
        let mut counter = RunCounter::default();
        scene.append([counter.finish("nightly", run(1))]);
        scene.process_batch();
        scene.disk.writes_left.store(writes, Relaxed);
        scene.append((2..200).map(|number| counter.finish("nightly", run(number))));
        scene.process_batch();
        let scene = scene.killed();
        let totals = &scene.restored.workloads[0].state.totals;
        assert_eq!(
            totals.succeeded,
            scene.restored.runs.len() as u64,
            "{writes} writes"
        );
        outcomes.insert(totals.succeeded);
    }
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), [1, 199]);
}

#[test]
fn changes_are_kept_while_the_disk_is_full_and_written_afterwards() {
    let mut scene = Scene::new();
    let mut counter = RunCounter::default();
    scene.disk.full.store(true, Relaxed);
    for number in 1..4 {
        scene.append([counter.finish("nightly", run(number))]);
        let status = scene.process_batch();
        assert!(!status.up);
        assert_eq!(
            (status.errors, status.waiting),
            (number.into(), number.into())
        );
    }
    scene.append([
        JournalEntry::WorkloadGone(workload("nightly"), Departure::Cleanup),
        counter.finish("nightly", run(4)),
    ]);
    scene.disk.full.store(false, Relaxed);
    let status = scene.process_batch();
    assert!(status.up && status.last_write.is_some());
    assert_eq!((status.errors, status.waiting, status.runs), (3, 0, 4));
    let scene = scene.killed();
    assert_eq!(scene.runs(), uids(1..=4));
    assert_eq!(scene.restored.workloads[0].state.totals.succeeded, 4);
}

#[test]
fn retry_delays_grow_while_the_disk_fails() {
    let mut scene = Scene::new();
    scene.disk.full.store(true, Relaxed);
    scene.append([RunCounter::default().finish("nightly", run(1))]);
    scene.process_batch();
    let mut before = Duration::ZERO;
    for _ in 0..8 {
        let delay = scene.writer.retry_delay;
        let grown = (before + before / 2).min(RETRY.longest / 2);
        assert!(
            delay >= grown && delay <= RETRY.longest,
            "{before:?}, then {delay:?}"
        );
        before = delay;
        let error = io::Error::from(io::ErrorKind::StorageFull);
        scene.writer.failed(&error, true);
    }
}

#[test]
fn runs_whose_jobs_are_present_are_not_dropped_when_too_many_wait() {
    let mut scene = Scene::new();
    scene.disk.full.store(true, Relaxed);
    scene.append([RunCounter::default().finish("other", run(0))]);
    scene.process_batch();
    let mut counter = RunCounter::default();
    scene.append((1..30_000).map(|number| counter.finish("nightly", run(number))));
    scene.set_present(0..=100);
    // The store still counts them, but their Jobs are gone: at worst a lagging API server shows some again.
    scene.set_counted(101..30_000);
    scene.process_batch();
    let status = scene.process_batch();
    assert!(status.waiting < 20_000 && status.dropped > 10_000);
    assert_eq!(status.waiting + status.dropped, 30_000);
    scene.disk.full.store(false, Relaxed);
    assert_eq!(scene.process_batch().waiting, 0);
    let scene = scene.killed();
    assert!(uids(0..=100).iter().all(|uid| scene.runs().contains(uid)));
    let totals = scene
        .restored
        .workloads
        .iter()
        .map(|it| it.state.totals.succeeded);
    assert_eq!(totals.max(), Some(29_999), "the totals include all");
}

#[test]
fn runs_are_dropped_before_the_retry_is_due() {
    let mut scene = Scene::new();
    scene.disk.full.store(true, Relaxed);
    scene.append([RunCounter::default().finish("other", run(0))]);
    scene.process_batch();
    scene.writer.retry_delay = Duration::from_mins(10);
    let queue = scene.writer.queue.clone();
    let mut counter = RunCounter::default();
    thread::scope(|scope| {
        let journal = &scene.journal;
        let retry = scope.spawn(|| scene.writer.process_batch());
        for number in 1..25_000 {
            journal.append(counter.finish("nightly", run(number)));
        }
        while queue.status.snapshot().dropped < 10_000 {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(queue.status.snapshot().errors, 1, "no retry yet");
        queue.close();
        assert!(retry.join().unwrap());
    });
}

#[test]
fn nothing_is_dropped_while_the_store_is_unknown() {
    let mut scene = Scene::new();
    scene.disk.full.store(true, Relaxed);
    scene.append([RunCounter::default().finish("other", run(0))]);
    scene.process_batch();
    scene.store = Arc::default();
    let mut counter = RunCounter::default();
    scene.append((1..30_000).map(|number| counter.finish("nightly", run(number))));
    scene.process_batch();
    let status = scene.process_batch();
    assert_eq!((status.waiting, status.dropped), (30_000, 0));
}
