//! The history from outside: what a later process restores from an earlier one.

use std::{
    collections::HashSet,
    fmt, fs, io,
    path::Path,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use redb::{Builder, DatabaseError, StorageError};
use tempfile::TempDir;

use super::*;
use crate::history::write_queue::TargetJournal;
use crate::model::{
    self, FailureReason, JournalEntry, NoopSink, Run, RunExplanation, RunResult, Seconds, Totals,
    Uid, WorkloadId,
};

mod format;
mod invalid;

const DEADLINE: Duration = Duration::from_secs(30);
const BOUNDS: [f64; 2] = [60.0, 3600.0];

pub(super) fn settings(path: &Path) -> HistorySettings {
    HistorySettings {
        storage: HistoryStorage::File(path.to_owned()),
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
        explanation: RunExplanation::default(),
        jobs: None,
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
            run: run.into(),
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
    /// The only namespace that it reads; `None` if it reads all.
    pub(super) namespace: Option<Name>,
    /// What it continues from.
    pub(super) adopted: Mutex<Option<RestoredState>>,
    /// What happens before it says which runs are present.
    pub(super) on_question: Interruption,
    /// What happens meanwhile.
    pub(super) on_adopt: Interruption,
}

/// Happens once, at a certain moment.
#[derive(Default)]
pub(super) struct Interruption(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Interruption {
    pub(super) fn set(&self, happen: impl FnOnce() + Send + 'static) {
        *self.0.lock() = Some(Box::new(happen));
    }

    fn happen(&self) {
        if let Some(happen) = self.0.lock().take() {
            happen();
        }
    }
}

impl fmt::Debug for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interruption")
    }
}

impl StoreLookup for FakeStore {
    fn is_present(&self, namespace: &str, job_name: &str, uid: &Uid) -> bool {
        self.on_question.happen();
        assert_eq!(namespace, "reports");
        let number = job_name.strip_prefix("nightly-").expect("a Job's name");
        assert_eq!(*uid, self::uid(number.parse().unwrap()));
        self.present.lock().contains(uid)
    }

    fn is_counted(&self, namespace: &str, job_name: &str, uid: &Uid) -> bool {
        self.is_present(namespace, job_name, uid) || self.counted.lock().contains(uid)
    }

    fn reads(&self, namespace: &str) -> bool {
        let only = self.namespace.as_deref();
        only.is_none_or(|only| only == namespace)
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
        self.on_adopt.happen();
        *self.adopted.lock() = Some(restored);
        self.report_all();
    }
}

fn open(path: &Path) -> (History, TargetHistory) {
    open_with(&settings(path))
}

/// A history with one target, whose runs are in order.
fn open_with(settings: &HistorySettings) -> (History, TargetHistory) {
    let (history, mut targets) = History::open(settings, &[None], Arc::new(NoopSink)).unwrap();
    let mut target = targets.remove(0);
    target.restored.runs.sort_by_key(ToString::to_string);
    (history, target)
}

async fn close(history: History) {
    history.close(DEADLINE).await;
}

#[tokio::test]
async fn a_later_process_continues_where_an_earlier_one_ended() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let (first, target) = open(&path);
    let (before, journal) = (target.restored, target.journal);
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

    let (second, target) = open(&path);
    assert_eq!(second.status().snapshot().runs, 2);
    assert!(second.status().snapshot().up && second.status().snapshot().file_size > 0);
    let later = target.restored;
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
    let (first, histories) =
        History::open(&settings(&path), &targets[1..], Arc::new(NoopSink)).unwrap();
    for (target, number) in histories.iter().zip([1, 2]) {
        let entry = RunCounter::default().finish("nightly", run(number));
        target.journal.append(entry);
    }
    close(first).await;
    let before = model::now().as_second();
    let (_, histories) = History::open(&settings(&path), &targets, Arc::new(NoopSink)).unwrap();
    let states: Vec<_> = histories.into_iter().map(|it| it.restored).collect();
    assert!(states[0].since >= before && states[0].workloads.is_empty());
    assert_eq!(states[1].runs, [uid(1)]);
    assert_eq!(states[2].runs, [uid(2)]);
    assert_eq!(states[2].workloads.len(), 1);
}

#[tokio::test]
async fn a_target_that_is_added_while_the_file_is_open_continues_where_it_was_removed() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let attach = |history: &History, target: TargetHistory| {
        let store = Arc::new(FakeStore::default());
        let journal = TargetJournal::new(history.queue.clone(), target.id);
        store.journal.set(journal).unwrap();
        let lookup: Arc<dyn StoreLookup> = store.clone();
        history.attach(target.id, Arc::downgrade(&lookup));
        store
    };
    let prod = Some("prod".into());
    let (history, mut targets) =
        History::open(&settings(&path), &[None, prod], Arc::new(NoopSink)).unwrap();
    let first = targets.remove(1);
    let since = first.restored.since;
    let mut counter = RunCounter::default();
    first.journal.append(counter.finish("nightly", run(1)));
    history.remove(first.id);
    first.journal.append(counter.finish("nightly", run(2)));
    let second = history.add(Some("prod"));
    assert!(second.restored.delayed && second.restored.runs.is_empty());
    assert_ne!(first.id, second.id);
    let store = attach(&history, second);
    let new = history.add(Some("new"));
    let new_since = new.restored.since;
    let new_store = attach(&history, new);
    close(history).await;
    let adopted = store.adopted.lock().take().expect("a state");
    assert_eq!((adopted.since, &*adopted.runs), (since, &[uid(1)][..]));
    let adopted = new_store.adopted.lock().take().expect("a state");
    assert_eq!((adopted.since, adopted.runs.len()), (new_since, 0));
    let names = [None, Some("new".into()), Some("prod".into())];
    let (_, targets) = History::open(&settings(&path), &names, Arc::new(NoopSink)).unwrap();
    let runs = targets.iter().map(|target| target.restored.runs.len());
    assert_eq!(runs.collect::<Vec<_>>(), [0, 0, 1]);
}

#[tokio::test]
async fn histograms_with_other_buckets_restart_from_zero() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let (first, target) = open(&path);
    let entry = RunCounter::default().finish("nightly", run(1));
    target.journal.append(entry);
    close(first).await;
    let other = || HistorySettings {
        run_duration_buckets: [60.0, 7200.0].into(),
        ..settings(&path)
    };
    for _ in 0..2 {
        let (later, mut target) = open_with(&other());
        let totals = target.restored.workloads.remove(0).state.totals;
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

#[tokio::test]
async fn a_second_process_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let (first, _) = open(&path);
    let error = History::open(&settings(&path), &[None], Arc::new(NoopSink)).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }) && !error.is_configuration());
    let expected = format!(
        "history file {} is in use by another process",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
    close(first).await;
    close(open(&path).0).await;
    assert!(set_aside(directory.path()).is_empty());
}

#[test]
fn an_invalid_path_is_a_configuration_error() {
    let directory = TempDir::new().unwrap();
    let missing = directory.path().join("missing/history.redb");
    let below_a_file = directory.path().join("file/history.redb");
    fs::write(directory.path().join("file"), "").unwrap();
    for path in [&missing, &below_a_file, directory.path()] {
        let error = History::open(&settings(path), &[None], Arc::new(NoopSink)).unwrap_err();
        assert!(error.is_configuration(), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!("open history file {}", path.display())
        );
    }
}

/// Opens a history whose disk fails with this error. Real permissions have no effect on a test that runs as root.
fn opened_with(kind: io::ErrorKind) -> Result<(History, Vec<TargetHistory>), Error> {
    let fail =
        move |_: &Builder, _: &Path| Err(DatabaseError::Storage(StorageError::Io(kind.into())));
    History::open_file(
        &settings(Path::new("history.redb")),
        Path::new("history.redb"),
        &[None],
        Arc::new(NoopSink),
        Arc::new(fail),
    )
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
    let (history, mut targets) = opened_with(io::ErrorKind::StorageFull).unwrap();
    let target = targets.remove(0);
    assert!(target.restored.since >= before && target.restored.delayed);
    target
        .journal
        .append(RunCounter::default().finish("nightly", run(1)));
    let status = history.status().snapshot();
    assert_eq!((status.up, status.errors, status.waiting), (false, 1, 1));
    close(history).await;
}
