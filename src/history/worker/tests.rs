//! The writer turn by turn, over a disk that fails when it is told to.

use std::{io, path::Path};

use redb::backends::FileBackend;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    history::{
        Status, StatusSnapshot,
        rows::Bounds,
        tests::{Book, run, uid, workload},
        write_queue::TargetJournal,
    },
    model::{Journal as _, JournalEntry, RestoredState, Totals},
};

mod disk;

use disk::{Backend, Disk};

/// A history whose writer works when it is told to.
struct Scene {
    directory: TempDir,
    disk: Arc<Disk>,
    journal: TargetJournal,
    writer: Writer,
    memory: RestoredState,
}

impl Scene {
    fn new() -> Self {
        Self::begin(TempDir::new().unwrap(), Duration::ZERO)
    }

    /// Runs whose Jobs are gone have to be known for so long.
    fn begin(directory: TempDir, lag: Duration) -> Self {
        let full_disk = Arc::new(Disk {
            full: false.into(),
            writes_left: u64::MAX.into(),
        });
        let of_backend = full_disk.clone();
        let place = Place {
            path: directory.path().join("history.redb"),
            targets: vec![String::new()],
            bounds: Bounds {
                run_duration: vec![60.0],
                start_delay: vec![1.0],
            },
            opener: Arc::new(move |builder: &redb::Builder, path: &Path| {
                let mut options = std::fs::OpenOptions::new();
                let file = options
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(path)?;
                let file = FileBackend::new(file)?;
                let disk = of_backend.clone();
                builder.create_with_backend(Backend { file, disk })
            }),
        };
        let (file, mut memories) = place.open().unwrap();
        let queue = Arc::new(WriteQueue::new(1, lag, Arc::new(Status::default())));
        let ended = CancellationToken::new().drop_guard();
        let limits = (3, Duration::from_hours(24));
        Self {
            directory,
            disk: full_disk,
            journal: TargetJournal::new(queue.clone(), 0),
            writer: Writer::new(queue, place, file, limits, ended),
            memory: memories.remove(0),
        }
    }

    fn note(&self, notes: impl IntoIterator<Item = JournalEntry>) {
        notes.into_iter().for_each(|note| self.journal.note(note));
    }

    fn turn(&mut self) -> StatusSnapshot {
        self.writer.pause = Duration::ZERO;
        self.writer.turn();
        self.writer.queue.status.snapshot()
    }

    /// Another process, after this one ended well.
    fn next(mut self) -> Self {
        self.writer.queue.close();
        assert!(self.writer.turn());
        self.killed()
    }

    /// Another process, after this one ended in the middle of whatever it did.
    fn killed(self) -> Self {
        let lag = self.writer.queue.lag;
        drop(self.writer);
        Self::begin(self.directory, lag)
    }

    fn runs(&self) -> Vec<String> {
        let mut runs: Vec<_> = self.memory.runs.iter().map(ToString::to_string).collect();
        runs.sort();
        runs
    }
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
fn a_run_is_in_the_file_with_the_totals_that_it_is_part_of_or_not_at_all() {
    let mut outcomes = std::collections::BTreeSet::new();
    for writes in 0..40 {
        let mut scene = Scene::new();
        let mut book = Book::default();
        scene.note([book.finish("nightly", run(1))]);
        scene.turn();
        scene.disk.writes_left.store(writes, Relaxed);
        scene.note((2..200).map(|number| book.finish("nightly", run(number))));
        scene.turn();
        let scene = scene.killed();
        let (_, totals, _) = &scene.memory.workloads[0];
        assert_eq!(
            totals.succeeded,
            scene.memory.runs.len() as u64,
            "{writes} writes"
        );
        outcomes.insert(totals.succeeded);
    }
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), [1, 199]);
}

#[test]
fn what_comes_while_the_disk_is_full_is_written_once_it_is_not() {
    let mut scene = Scene::new();
    let mut book = Book::default();
    scene.disk.full.store(true, Relaxed);
    for number in 1..4 {
        scene.note([book.finish("nightly", run(number))]);
        let status = scene.turn();
        assert!(!status.up);
        assert_eq!(
            (status.errors, status.waiting),
            (number.into(), number.into())
        );
    }
    scene.note([
        JournalEntry::Left(workload("nightly")),
        book.finish("nightly", run(4)),
    ]);
    scene.disk.full.store(false, Relaxed);
    let status = scene.turn();
    assert!(status.up && status.last_write.is_some());
    assert_eq!((status.errors, status.waiting, status.runs), (3, 0, 4));
    let scene = scene.killed();
    assert_eq!(scene.runs(), uids(1..=4));
    assert_eq!(scene.memory.workloads[0].1.succeeded, 4);
}

#[test]
fn pauses_grow_while_the_disk_fails() {
    let mut scene = Scene::new();
    scene.disk.full.store(true, Relaxed);
    scene.note([Book::default().finish("nightly", run(1))]);
    scene.turn();
    let mut before = Duration::ZERO;
    for _ in 0..8 {
        let pause = scene.writer.pause;
        let grown = (before + before / 2).min(RETRY.longest / 2);
        assert!(
            pause >= grown && pause <= RETRY.longest,
            "{before:?}, then {pause:?}"
        );
        before = pause;
        let trouble = Failure::from(redb::StorageError::Io(io::ErrorKind::StorageFull.into()));
        scene.writer.failed(&trouble.into(), true);
    }
}

#[test]
fn of_many_runs_that_wait_those_stay_that_the_api_shows() {
    let mut scene = Scene::new();
    scene.disk.full.store(true, Relaxed);
    scene.note([Book::default().finish("other", run(0))]);
    scene.turn();
    let mut book = Book::default();
    for number in 1..30_000 {
        scene.note([book.finish("nightly", run(number))]);
        if number > 100 {
            scene.note([JournalEntry::Gone(uid(number))]);
        }
    }
    scene.turn();
    let status = scene.turn();
    assert!(status.waiting < 20_000 && status.dropped > 10_000);
    assert_eq!(status.waiting + status.dropped, 30_000);
    scene.disk.full.store(false, Relaxed);
    assert_eq!(scene.turn().waiting, 0);
    let scene = scene.killed();
    assert!(uids(0..=100).iter().all(|uid| scene.runs().contains(uid)));
    let totals = scene
        .memory
        .workloads
        .iter()
        .map(|(_, totals, _)| totals.succeeded);
    assert_eq!(totals.max(), Some(29_999), "the totals know of all");
}

#[test]
fn surplus_and_old_runs_go_once_everything_was_read_and_their_jobs_are_gone() {
    let mut scene = Scene::new();
    let mut book = Book::default();
    scene.note((1..=6).map(|number| book.finish("nightly", recent(number))));
    // These ended years ago.
    scene.note((7..=8).map(|number| book.finish("yearly", run(number))));
    scene.note([1, 2, 3, 6, 7].map(|number| JournalEntry::Gone(uid(number))));
    scene.turn();
    let mut scene = scene.killed();
    assert_eq!(scene.runs(), uids(1..=8), "nothing was read in whole");
    scene.note([4, 5, 8].map(|number| JournalEntry::Present(uid(number))));
    scene.note([JournalEntry::Synced]);
    scene.turn();
    let mut scene = scene.killed();
    // By due time, the last three of the six are 4, 5 and 6.
    assert_eq!(scene.runs(), uids([4, 5, 6, 8]));
    scene.note([JournalEntry::Synced]);
    scene.turn();
    assert_eq!(scene.next().runs(), uids([4, 5, 6]));
}

#[test]
fn a_run_is_known_for_a_while_after_its_job_went() {
    let lag = Duration::from_hours(1);
    let mut scene = Scene::begin(TempDir::new().unwrap(), lag);
    let mut book = Book::default();
    scene.note((1..=8).map(|number| book.finish("nightly", recent(number))));
    scene.note([1, 2, 3].map(|number| JournalEntry::Gone(uid(number))));
    scene.note([JournalEntry::Present(uid(3)), JournalEntry::Synced]);
    scene.turn();
    // As if everything had been read long ago.
    let prune = |scene: &mut Scene| {
        scene.writer.targets[0].progress = Progress::Settled(Instant::now());
        scene.writer.prune_at = Instant::now();
        scene.note([JournalEntry::Left(workload("other"))]);
        scene.turn();
    };
    prune(&mut scene);
    assert_eq!(scene.writer.queue.known(0).len(), 8);
    let mut scene = scene.killed();
    assert_eq!(scene.runs(), uids(1..=8));
    // Of the next process, none has to be known yet, but it has only just seen that they are gone.
    scene.note([JournalEntry::Present(uid(4)), JournalEntry::Synced]);
    scene.turn();
    let mut scene = scene.killed();
    assert_eq!(scene.runs(), uids(1..=8));
    scene.note([JournalEntry::Present(uid(4)), JournalEntry::Synced]);
    scene.turn();
    prune(&mut scene);
    assert_eq!(scene.next().runs(), uids([4, 6, 7, 8]));
}

#[test]
fn workloads_are_there_until_they_leave_or_are_not_seen_again() {
    let at = |scene: &Scene, name: &str| {
        let mut all = scene.memory.workloads.iter();
        all.find(|(id, _, _)| *id == workload(name))
            .map(|(_, _, last_there)| *last_there)
    };
    let seen = |name: &str| JournalEntry::Changed {
        workload: workload(name),
        totals: Totals::new(1),
    };
    let mut scene = Scene::new();
    scene.note(["stays", "leaves", "vanishes", "returns"].map(seen));
    scene.note(["leaves", "returns"].map(|name| JournalEntry::Left(workload(name))));
    scene.note([seen("returns"), JournalEntry::Synced]);
    scene.turn();
    // As if a day had passed since.
    let day = 86_400;
    for target in &mut scene.writer.targets {
        target.row.seen -= day;
    }
    scene.writer.targets[0].progress = Progress::Reading;
    scene.note([seen("stays")]);
    scene.turn();
    let mut scene = scene.killed();
    let now = model::now().as_second();
    let ago = |last_there: Option<Seconds>| now - last_there.unwrap();
    assert!(ago(at(&scene, "leaves")) < 100, "it is known to the second");
    for name in ["stays", "vanishes", "returns"] {
        assert!(
            (day - 100..day + 100).contains(&ago(at(&scene, name))),
            "{name}"
        );
    }
    scene.note([seen("stays"), seen("returns"), JournalEntry::Synced]);
    scene.turn();
    let scene = scene.next();
    for name in ["stays", "returns", "leaves"] {
        assert!(ago(at(&scene, name)) < 100, "{name}");
    }
    assert!(ago(at(&scene, "vanishes")) > day - 100);
}

#[test]
fn workloads_and_targets_expire() {
    let mut scene = Scene::new();
    let seen = |name: &str| JournalEntry::Changed {
        workload: workload(name),
        totals: Totals::new(1),
    };
    scene.note([
        seen("stays"),
        seen("leaves"),
        JournalEntry::Left(workload("leaves")),
        JournalEntry::Synced,
    ]);
    scene.turn();
    let file = scene.writer.file.as_ref().unwrap();
    let other = Part {
        target: "other",
        waiting: &PendingWrites::default(),
        row: TargetRow { since: 1, seen: 1 },
    };
    file.write(&[other]).unwrap();
    let limits = Limits {
        runs: 1,
        oldest: model::now().as_second() + 1,
    };
    let names = |file: &File| {
        use redb::{ReadableDatabase as _, ReadableTable as _};
        let transaction = file.database.begin_read().unwrap();
        let targets = transaction
            .open_table(crate::history::rows::TARGETS)
            .unwrap();
        let names = targets
            .iter()
            .unwrap()
            .map(|row| row.unwrap().0.value().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(file), ["", "other"]);
    file.prune("", limits, |_| false).unwrap();
    file.prune_targets(&[String::new()], limits.oldest).unwrap();
    assert_eq!(names(file), [""]);
    let scene = scene.killed();
    let left: Vec<_> = scene
        .memory
        .workloads
        .iter()
        .map(|(id, _, _)| id.clone())
        .collect();
    assert_eq!(left, [workload("stays")]);
}
