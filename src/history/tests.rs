//! The history from outside: what a later process gets to know of an earlier one.

use std::{fs, path::Path, sync::Arc};

use redb::{Builder, Database, DatabaseError, StorageError, TableDefinition};
use tempfile::TempDir;

use super::*;
use crate::model::{FailureReason, JournalEntry, Run, RunResult, Seconds, Totals, Uid, WorkloadId};

const DEADLINE: Duration = Duration::from_secs(30);
const BOUNDS: [f64; 2] = [60.0, 3600.0];

pub(super) fn settings(path: &Path) -> HistorySettings {
    HistorySettings {
        path: path.to_owned(),
        runs_per_workload: 50,
        max_age: Duration::from_hours(24 * 90),
        run_duration_buckets: BOUNDS.into(),
    }
}

pub(super) fn workload(name: &str) -> WorkloadId {
    WorkloadId {
        namespace: "reports".into(),
        kind: "cronjob".into(),
        name: name.into(),
    }
}

/// A run that took a minute, to the end of this number.
pub(super) fn run(number: u32) -> Run {
    let start = 1_795_000_000 + 60 * Seconds::from(number);
    Run {
        uid: uid(number),
        job_name: format!("nightly-{number}").into(),
        due: Some(start - 1),
        manual: false,
        created: Some(start),
        start: Some(start),
        end: Some(start + 60),
        result: RunResult::Succeeded,
        reason: None,
        succeeded_pods: 1,
        failed_pods: 0,
    }
}

pub(super) fn uid(number: u32) -> Uid {
    Uid::parse(&format!("4ba7b5e6-d01a-4327-95ea-{number:012x}"))
}

/// Keeps totals as the store does.
#[derive(Default)]
pub(super) struct Book(Totals);

impl Book {
    pub(super) fn finish(&mut self, name: &str, run: Run) -> JournalEntry {
        self.0.add_run(&run, true, &BOUNDS);
        JournalEntry::Finished {
            workload: workload(name),
            run,
            counted: true,
            totals: self.0.clone(),
        }
    }
}

fn open(path: &Path) -> History {
    History::open(settings(path), &[None]).unwrap()
}

/// All that is remembered of the only target, in order.
fn remembered(history: &mut History) -> RestoredState {
    let (mut memory, _) = history.target(0);
    memory.runs.sort_by_key(ToString::to_string);
    memory
}

async fn close(history: History) {
    history.close(DEADLINE).await;
}

#[tokio::test]
async fn a_later_process_goes_on_where_an_earlier_one_ended() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let mut first = open(&path);
    let (memory, journal) = first.target(0);
    assert!(memory.workloads.is_empty() && memory.runs.is_empty());
    let mut book = Book::default();
    journal.note(book.finish("nightly", run(1)));
    let failed = Run {
        result: RunResult::Failed,
        reason: Some(FailureReason::DeadlineExceeded),
        ..run(2)
    };
    journal.note(book.finish("nightly", failed));
    close(first).await;

    let mut second = open(&path);
    assert_eq!(second.status().snapshot().runs, 2);
    assert!(second.status().snapshot().up && second.status().snapshot().file_size > 0);
    let later = remembered(&mut second);
    assert_eq!(later.since, memory.since);
    assert_eq!(later.runs, [uid(1), uid(2)]);
    let (id, totals, _) = &later.workloads[0];
    assert_eq!((id, totals), (&workload("nightly"), &book.0));
    assert_eq!(later.workloads.len(), 1);
}

#[tokio::test]
async fn targets_are_kept_apart_and_new_ones_count_from_now_on() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let targets = [None, Some("prod".into()), Some("prod-2".into())];
    let mut first = History::open(settings(&path), &targets[1..]).unwrap();
    for (position, number) in [(0, 1), (1, 2)] {
        let note = Book::default().finish("nightly", run(number));
        first.target(position).1.note(note);
    }
    close(first).await;
    let before = model::now().as_second();
    let mut second = History::open(settings(&path), &targets).unwrap();
    let memories: Vec<_> = (0..3).map(|position| second.target(position).0).collect();
    assert!(memories[0].since >= before && memories[0].workloads.is_empty());
    assert_eq!(memories[1].runs, [uid(1)]);
    assert_eq!(memories[2].runs, [uid(2)]);
    assert_eq!(memories[2].workloads.len(), 1);
}

#[tokio::test]
async fn histograms_with_other_buckets_begin_anew() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let mut first = open(&path);
    first
        .target(0)
        .1
        .note(Book::default().finish("nightly", run(1)));
    close(first).await;
    let other = || HistorySettings {
        run_duration_buckets: [60.0, 7200.0].into(),
        ..settings(&path)
    };
    for _ in 0..2 {
        let mut later = History::open(other(), &[None]).unwrap();
        let totals = later.target(0).0.workloads.remove(0).1;
        assert_eq!((totals.succeeded, totals.success_durations.count()), (1, 0));
        assert_eq!(totals.start_delays.count(), 1, "its buckets are the same");
        close(later).await;
    }
}

/// Files beside the history that were set aside, with their contents.
fn set_aside(directory: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let aside = names.filter(|name| name.contains(".redb.set-aside-2"));
    aside
        .map(|name| fs::read(directory.join(name)).unwrap())
        .collect()
}

async fn written(path: &Path, runs: u32) {
    let mut history = open(path);
    let (_, journal) = history.target(0);
    let mut book = Book::default();
    for number in 0..runs {
        journal.note(book.finish("nightly", run(number)));
    }
    close(history).await;
}

#[tokio::test]
async fn a_file_that_makes_no_sense_is_set_aside_as_it_is() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    written(&path, 1_000).await;
    let whole = fs::read(&path).unwrap();
    let mut contents = vec![b"x".to_vec(), vec![0; 4096], b"runs: []\n".repeat(1000)];
    let noise = |length| {
        let mut noise = vec![0; length];
        fastrand::Rng::with_seed(7).fill(&mut noise);
        noise
    };
    contents.extend([noise(320), noise(100_000)]);
    contents.extend(
        [9, 64, 320, 4096, 5000, whole.len() / 2, whole.len() - 1]
            .map(|length| whole[..length].to_vec()),
    );
    for (number, content) in contents.iter().enumerate() {
        fs::write(&path, content).unwrap();
        let mut history = open(&path);
        assert!(remembered(&mut history).runs.is_empty());
        assert!(history.status().snapshot().up);
        close(history).await;
        // All names are of this second or the next: none took the place of another.
        let aside = set_aside(directory.path());
        assert_eq!(aside.len(), number + 1, "content {number}");
        assert!(aside.contains(content), "content {number}");
    }
    fs::write(&path, b"").unwrap();
    close(open(&path)).await;
    assert_eq!(
        set_aside(directory.path()).len(),
        contents.len(),
        "there was nothing to keep"
    );
}

/// A file that was altered somewhere is either whole, or set aside; never is part of it taken for all.
#[tokio::test]
async fn a_file_with_flipped_bits_is_read_in_whole_or_not_at_all() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    written(&path, 300).await;
    let whole = fs::read(&path).unwrap();
    let mut dice = fastrand::Rng::with_seed(11);
    for _ in 0..80 {
        let mut content = whole.clone();
        // Where the header is, more is at stake than elsewhere.
        let end = if dice.bool() { 400 } else { content.len() };
        let place = dice.usize(..end);
        content[place] ^= 1 << dice.u8(..8);
        fs::write(&path, &content).unwrap();
        let mut history = open(&path);
        let runs = remembered(&mut history).runs.len();
        assert!(runs == 300 || runs == 0, "byte {place}: {runs} runs");
        assert_eq!(
            runs == 0,
            !set_aside(directory.path()).is_empty(),
            "byte {place}"
        );
        close(history).await;
        for entry in fs::read_dir(directory.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_of_another_program_or_version_is_set_aside() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let words = TableDefinition::<&str, u64>::new("words");
    let meta = TableDefinition::<&str, &str>::new("meta");
    let foreign: [&dyn Fn(&redb::WriteTransaction); 3] = [
        &|transaction| {
            transaction
                .open_table(words)
                .unwrap()
                .insert("a", 1)
                .unwrap();
        },
        &|transaction| {
            let other = TableDefinition::<u64, u64>::new("meta");
            transaction.open_table(other).unwrap().insert(1, 1).unwrap();
        },
        &|transaction| {
            let mut meta = transaction.open_table(meta).unwrap();
            meta.insert("format", "2").unwrap();
        },
    ];
    for (number, fill) in foreign.into_iter().enumerate() {
        let _ = fs::remove_file(&path);
        let database = Database::create(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        fill(&transaction);
        transaction.commit().unwrap();
        drop(database);
        close(open(&path)).await;
        assert_eq!(set_aside(directory.path()).len(), number + 1);
    }
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let first = open(&path);
    let error = History::open(settings(&path), &[None]).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }) && !error.is_configuration());
    let expected = format!(
        "history file {}: it is in use by another process",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
    close(first).await;
    close(open(&path)).await;
    assert!(set_aside(directory.path()).is_empty());
}

#[test]
fn a_wrong_path_is_a_mistake_of_the_configuration() {
    let directory = TempDir::new().unwrap();
    let missing = directory.path().join("missing/history.redb");
    let below_a_file = directory.path().join("file/history.redb");
    fs::write(directory.path().join("file"), "").unwrap();
    for path in [&missing, &below_a_file, directory.path()] {
        let error = History::open(settings(path), &[None]).unwrap_err();
        assert!(error.is_configuration(), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!("open history file {}", path.display())
        );
    }
}

/// What becomes of an attempt to open that fails in this way. Permissions mean nothing to a test that runs as root.
fn opened_with(kind: io::ErrorKind) -> Result<History, Error> {
    let fail =
        move |_: &Builder, _: &Path| Err(DatabaseError::Storage(StorageError::Io(kind.into())));
    History::begin(settings(Path::new("history.redb")), &[None], Arc::new(fail))
}

#[tokio::test]
async fn a_disk_that_fails_at_the_start_leaves_the_process_without_history() {
    for kind in [
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::ReadOnlyFilesystem,
    ] {
        assert!(opened_with(kind).unwrap_err().is_configuration(), "{kind}");
    }
    let before = model::now().as_second();
    let mut history = opened_with(io::ErrorKind::StorageFull).unwrap();
    let (memory, journal) = history.target(0);
    assert!(memory.since >= before);
    journal.note(Book::default().finish("nightly", run(1)));
    let status = history.status().snapshot();
    assert_eq!((status.up, status.errors, status.waiting), (false, 1, 0));
    close(history).await;
}
