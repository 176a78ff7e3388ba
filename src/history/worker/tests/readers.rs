//! What readers see of the file, whatever the writer does with it.

use std::fs;

use redb::TableHandle as _;

use super::*;
use crate::{
    history::{
        ReadError, RunReader,
        file::{
            FileReader,
            tables::{RUNS, first_run_of, workload_key},
        },
        rows::encode,
    },
    model::{FailureReason, RunExplanation, RunResult, WorkloadId},
};

impl Scene {
    fn reader(&self) -> RunReader {
        FileReader::new(self.writer.storage.location.slot.clone()).into()
    }

    /// Appends these runs of `nightly` and writes them.
    fn write_runs(&mut self, numbers: impl IntoIterator<Item = u32>) {
        let mut counter = RunCounter::default();
        self.append(
            numbers
                .into_iter()
                .map(|it| counter.finish("nightly", run(it))),
        );
        assert!(self.process_batch().up);
    }
}

/// The uids of the latest runs of `nightly`, the latest first.
fn latest(reader: &RunReader, max: usize) -> Vec<String> {
    let runs = reader.runs(None, &workload("nightly"), max).unwrap();
    runs.iter().map(|run| run.uid.to_string()).collect()
}

fn is_open(reader: &RunReader) -> bool {
    let outcome = reader.runs(None, &workload("nightly"), 1);
    !matches!(outcome, Err(ReadError::NotOpen))
}

#[test]
fn the_latest_runs_are_read_as_they_were_written_once_they_are_committed() {
    let mut scene = Scene::new();
    let reader = scene.reader();
    let failed = Run {
        result: RunResult::Failed,
        reason: Some(FailureReason::DeadlineExceeded),
        due: None,
        manual: true,
        failed_pods: 3,
        explanation: RunExplanation::default(),
        ..run(5)
    };
    let mut counter = RunCounter::default();
    for run in [run(3), failed.clone(), run(1), run(4)] {
        scene.append([counter.finish("nightly", run)]);
    }
    assert_eq!(latest(&reader, 10), [] as [&str; 0]);
    assert!(scene.process_batch().up);
    let runs = reader.runs(None, &workload("nightly"), 10).unwrap();
    assert_eq!(runs, [failed, run(4), run(3), run(1)]);
    for max in 0..=5 {
        let expected = runs.iter().take(max).map(|run| run.uid.to_string());
        let expected: Vec<_> = expected.collect();
        assert_eq!(latest(&reader, max), expected);
    }
}

#[test]
fn runs_of_neighbours_with_similar_names_are_not_read() {
    let mut scene = Scene::new();
    let mut added = scene.add("nightly");
    let store = scene.attach(&added);
    let mut neighbours = Vec::new();
    for (namespace, kind, name) in [
        ("reports", "cronjob", "nightl"),
        ("reports", "cronjob", "nightly\0"),
        ("reports", "cronjob", "nightly-2"),
        ("reports", "cronjo", "nightly"),
        ("reports", "cronjob\0", "nightly"),
        ("report", "cronjob", "nightly"),
        ("reports\0", "cronjob", "nightly"),
    ] {
        neighbours.push(WorkloadId {
            namespace: namespace.into(),
            kind: kind.into(),
            name: name.into(),
        });
    }
    for (number, neighbour) in (100..).zip(&neighbours) {
        for number in [number, number + 100] {
            let entry = JournalEntry::RunFinished {
                workload: neighbour.clone(),
                run: run(number).into(),
                counted: true,
                state: Totals::default().into(),
            };
            scene.append([entry]);
        }
    }
    added.finish(300);
    scene.write_runs([1, 150, 500]);
    assert_eq!(latest(&scene.reader(), 100), uids([500, 150, 1]));
    for neighbour in &neighbours {
        let runs = scene.reader().runs(None, neighbour, 100).unwrap();
        assert_eq!(runs.len(), 2, "{neighbour:?}");
    }
    let other = scene
        .reader()
        .runs(Some("nightly"), &workload("nightly"), 100);
    assert_eq!(other.unwrap(), [run(300)]);
    drop(store);
}

#[test]
fn runs_are_read_again_when_the_writer_has_opened_the_file_again() {
    let mut scene = Scene::new();
    let reader = scene.reader();
    scene.write_runs(1..=3);
    assert_eq!(latest(&reader, 1), uids([3]));
    scene.disk.full.store(true, Relaxed);
    scene.append([JournalEntry::Synced]);
    assert!(!scene.process_batch().up);
    assert!(!is_open(&reader), "the writer has closed the file");
    scene.disk.full.store(false, Relaxed);
    scene.write_runs([4]);
    assert_eq!(latest(&reader, 2), uids([4, 3]));
    // A file that is written anew has the runs whose Jobs exist.
    let mut counter = RunCounter::default();
    *scene.store.all.lock() = vec![counter.finish("nightly", run(4))];
    fs::remove_file(scene.directory.path().join("history.redb")).unwrap();
    scene.write_runs([5]);
    assert_eq!(latest(&reader, 10), uids([5, 4]));
    drop(scene.writer);
    assert!(!is_open(&reader), "the writer has ended");
}

#[test]
fn a_read_in_progress_does_not_keep_the_file_locked_or_open() {
    let mut scene = Scene::new();
    scene.write_runs(1..=200);
    let reader = scene.reader();
    let slot = scene.writer.storage.location.slot.clone();
    let transaction = slot.begin_read().unwrap();
    let table = transaction.open_table(RUNS).unwrap();
    // The next process can lock the file.
    let scene = scene.killed();
    assert_eq!(scene.runs(), uids(1..=200));
    let id = workload("nightly");
    let first = first_run_of(workload_key("", &id));
    let mut rows = table.range(first..).into_iter().flatten();
    assert!(rows.any(|row| row.is_err()), "the file is closed");
    assert!(!is_open(&reader));
}

#[test]
fn an_invalid_row_is_left_out() {
    let mut scene = Scene::new();
    scene.write_runs(1..=3);
    let file = scene.writer.storage.file.as_ref().unwrap();
    let transaction = file.database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(RUNS).unwrap();
        let id = workload("nightly");
        let (target, namespace, kind, name) = workload_key("", &id);
        let order = run(2).sort_key().into();
        let row = encode(RUNS.name(), &"no run").unwrap();
        let uid = uid(2).to_string();
        table
            .insert(
                (target, namespace, kind, name, order, uid.as_str()),
                row.as_str(),
            )
            .unwrap();
    }
    transaction.commit().unwrap();
    assert_eq!(latest(&scene.reader(), 2), uids([3, 1]));
}
