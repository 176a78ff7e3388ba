//! The history from outside: what a later process restores from an earlier one.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use redb::{Builder, Database, DatabaseError, StorageError, TableDefinition};
use tempfile::TempDir;

use super::*;
use crate::history::write_queue::TargetJournal;
use crate::model::{FailureReason, JournalEntry, Run, RunResult, Seconds, Totals, Uid, WorkloadId};

mod format;

const DEADLINE: Duration = Duration::from_secs(30);
const BOUNDS: [f64; 2] = [60.0, 3600.0];

pub(super) fn settings(path: &Path) -> HistorySettings {
    HistorySettings {
        path: path.to_owned(),
        runs_per_workload: 50,
        max_age: Duration::from_hours(24 * 90),
        gone_workloads: 100,
        run_duration_buckets: BOUNDS.into(),
        label_names: Arc::default(),
    }
}

pub(super) fn workload(name: &str) -> WorkloadId {
    WorkloadId {
        namespace: "reports".into(),
        kind: "cronjob".into(),
        name: name.into(),
    }
}

/// A run that took one minute. Later numbers are later runs.
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

/// Adds up totals as the store does.
#[derive(Default)]
pub(super) struct RunCounter(Totals);

impl RunCounter {
    pub(super) fn finish(&mut self, name: &str, run: Run) -> JournalEntry {
        self.0.add_run(&run, true, &BOUNDS);
        JournalEntry::RunFinished {
            workload: workload(name),
            run,
            counted: true,
            state: self.0.clone().into(),
        }
    }
}

/// A store with fixed answers.
#[derive(Debug, Default)]
pub(super) struct FakeStore {
    /// Runs whose Jobs exist.
    pub(super) present: Mutex<HashSet<Uid>>,
    /// Counted runs whose Jobs are gone.
    pub(super) counted: Mutex<HashSet<Uid>>,
    pub(super) workloads: Mutex<HashSet<WorkloadId>>,
    /// What it reports when all is to be reported, and where.
    pub(super) all: Mutex<Vec<JournalEntry>>,
    pub(super) journal: OnceLock<TargetJournal>,
    /// What it continues from.
    pub(super) adopted: Mutex<Option<RestoredState>>,
}

impl StoreLookup for FakeStore {
    fn is_present(&self, namespace: &str, job_name: &str, uid: &Uid) -> bool {
        assert_eq!(namespace, "reports");
        let number = job_name.strip_prefix("nightly-").expect("a Job's name");
        assert_eq!(*uid, self::uid(number.parse().unwrap()));
        self.present.lock().contains(uid)
    }

    fn is_counted(&self, namespace: &str, job_name: &str, uid: &Uid) -> bool {
        self.is_present(namespace, job_name, uid) || self.counted.lock().contains(uid)
    }

    fn has_workload(&self, id: &WorkloadId) -> bool {
        self.workloads.lock().contains(id)
    }

    fn report_all(&self) {
        let journal = self.journal.get().expect("a journal");
        self.all
            .lock()
            .iter()
            .for_each(|entry| journal.append(entry.clone()));
    }

    fn adopt(&self, restored: RestoredState) {
        *self.adopted.lock() = Some(restored);
        self.report_all();
    }
}

fn open(path: &Path) -> History {
    History::open(settings(path), &[None]).unwrap()
}

/// The restored state of the only target, with its runs in order.
fn restored(history: &mut History) -> RestoredState {
    let (mut restored, _) = history.target(0);
    restored.runs.sort_by_key(ToString::to_string);
    restored
}

async fn close(history: History) {
    history.close(DEADLINE).await;
}

#[tokio::test]
async fn a_later_process_continues_where_an_earlier_one_ended() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let mut first = open(&path);
    let (before, journal) = first.target(0);
    assert!(before.workloads.is_empty() && before.runs.is_empty());
    let mut counter = RunCounter::default();
    journal.append(counter.finish("nightly", run(1)));
    let failed = Run {
        result: RunResult::Failed,
        reason: Some(FailureReason::DeadlineExceeded),
        ..run(2)
    };
    journal.append(counter.finish("nightly", failed));
    close(first).await;

    let mut second = open(&path);
    assert_eq!(second.status().snapshot().runs, 2);
    assert!(second.status().snapshot().up && second.status().snapshot().file_size > 0);
    let later = restored(&mut second);
    assert_eq!(later.since, before.since);
    assert_eq!(later.runs, [uid(1), uid(2)]);
    let nightly = &later.workloads[0];
    assert_eq!(
        (&nightly.id, &nightly.state.totals),
        (&workload("nightly"), &counter.0)
    );
    assert_eq!(later.workloads.len(), 1);
}

#[tokio::test]
async fn targets_are_separate_and_new_ones_count_from_now_on() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let targets = [None, Some("prod".into()), Some("prod-2".into())];
    let mut first = History::open(settings(&path), &targets[1..]).unwrap();
    for (position, number) in [(0, 1), (1, 2)] {
        let entry = RunCounter::default().finish("nightly", run(number));
        first.target(position).1.append(entry);
    }
    close(first).await;
    let before = model::now().as_second();
    let mut second = History::open(settings(&path), &targets).unwrap();
    let states: Vec<_> = (0..3).map(|position| second.target(position).0).collect();
    assert!(states[0].since >= before && states[0].workloads.is_empty());
    assert_eq!(states[1].runs, [uid(1)]);
    assert_eq!(states[2].runs, [uid(2)]);
    assert_eq!(states[2].workloads.len(), 1);
}

#[tokio::test]
async fn histograms_with_other_buckets_restart_from_zero() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let mut first = open(&path);
    first
        .target(0)
        .1
        .append(RunCounter::default().finish("nightly", run(1)));
    close(first).await;
    let other = || HistorySettings {
        run_duration_buckets: [60.0, 7200.0].into(),
        ..settings(&path)
    };
    for _ in 0..2 {
        let mut later = History::open(other(), &[None]).unwrap();
        let totals = later.target(0).0.workloads.remove(0).state.totals;
        assert_eq!((totals.succeeded, totals.success_durations.count()), (1, 0));
        assert_eq!(totals.start_delays.count(), 1, "its buckets are the same");
        close(later).await;
    }
}

/// The contents of renamed files.
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
    let mut counter = RunCounter::default();
    for number in 0..runs {
        journal.append(counter.finish("nightly", run(number)));
    }
    close(history).await;
}

#[tokio::test]
async fn an_invalid_file_is_renamed_and_not_changed() {
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
        assert!(restored(&mut history).runs.is_empty());
        assert!(history.status().snapshot().up);
        close(history).await;
        // All names have the time of this second or the next: none replaced another.
        let aside = set_aside(directory.path());
        assert_eq!(aside.len(), number + 1, "content {number}");
        assert!(aside.contains(content), "content {number}");
    }
    fs::write(&path, b"").unwrap();
    close(open(&path)).await;
    assert_eq!(
        set_aside(directory.path()).len(),
        contents.len(),
        "an empty file is not kept"
    );
}

/// An altered file is either intact or renamed. It is never read in part.
#[tokio::test]
async fn a_file_with_flipped_bits_is_read_in_full_or_not_at_all() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    written(&path, 300).await;
    let whole = fs::read(&path).unwrap();
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..80 {
        let mut content = whole.clone();
        // The header is more sensitive than the rest.
        let end = if rng.bool() { 400 } else { content.len() };
        let position = rng.usize(..end);
        content[position] ^= 1 << rng.u8(..8);
        fs::write(&path, &content).unwrap();
        let mut history = open(&path);
        let runs = restored(&mut history).runs.len();
        assert!(runs == 300 || runs == 0, "byte {position}: {runs} runs");
        assert_eq!(
            runs == 0,
            !set_aside(directory.path()).is_empty(),
            "byte {position}"
        );
        close(history).await;
        for entry in fs::read_dir(directory.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_of_another_program_or_version_is_renamed() {
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
            meta.insert("format", "3").unwrap();
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
        "history file {} is in use by another process",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
    close(first).await;
    close(open(&path)).await;
    assert!(set_aside(directory.path()).is_empty());
}

#[test]
fn an_invalid_path_is_a_configuration_error() {
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

/// Opens a history whose disk fails with this error. Real permissions have no effect on a test that runs as root.
fn opened_with(kind: io::ErrorKind) -> Result<History, Error> {
    let fail =
        move |_: &Builder, _: &Path| Err(DatabaseError::Storage(StorageError::Io(kind.into())));
    History::open_with(settings(Path::new("history.redb")), &[None], Arc::new(fail))
}

#[tokio::test]
async fn a_disk_that_fails_at_the_start_is_no_error() {
    for kind in [
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::ReadOnlyFilesystem,
    ] {
        assert!(opened_with(kind).unwrap_err().is_configuration(), "{kind}");
    }
    let before = model::now().as_second();
    let mut history = opened_with(io::ErrorKind::StorageFull).unwrap();
    let (restored, journal) = history.target(0);
    assert!(restored.since >= before && restored.delayed);
    journal.append(RunCounter::default().finish("nightly", run(1)));
    let status = history.status().snapshot();
    assert_eq!((status.up, status.errors, status.waiting), (false, 1, 1));
    close(history).await;
}
