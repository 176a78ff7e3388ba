//! Mapped labels that change while states of workloads wait to be written.

use super::{targets::Added, *};
use crate::{
    history::{storage::HistoryTarget, write_queue::TargetJournal},
    model::{Name, Relabelling, WorkloadState},
};

fn state(labels: &[&str]) -> WorkloadState {
    WorkloadState {
        labels: Some(labels.iter().map(|label| Name::from(*label)).collect()),
        ..WorkloadState::default()
    }
}

fn changed(name: &str, labels: &[&str]) -> JournalEntry {
    JournalEntry::WorkloadChanged {
        workload: workload(name),
        state: state(labels),
    }
}

fn names(names: &[&str]) -> Arc<[String]> {
    names.iter().map(ToString::to_string).collect()
}

fn relabelled(names: &[&str], positions: &[Option<usize>]) -> JournalEntry {
    JournalEntry::Relabelled(Relabelling {
        names: self::names(names),
        positions: positions.into(),
    })
}

/// From the labels `team` and `app` to `app` and `stage`.
fn first_change() -> JournalEntry {
    relabelled(&["app", "stage"], &[Some(1), None])
}

/// From the labels `app` and `stage` to `zone`, `stage` and `app`.
fn second_change() -> JournalEntry {
    relabelled(&["zone", "stage", "app"], &[None, Some(1), Some(0)])
}

impl Scene {
    /// Adds a target with the labels `team` and `app`.
    fn add_labelled(&mut self) -> (Added, Arc<FakeStore>) {
        self.writer.queue.configure(&HistorySettings {
            label_names: names(&["team", "app"]),
            ..settings(Path::new(""))
        });
        let added = self.add("prod");
        let store = self.attach(&added);
        self.process_batch();
        // The labels of targets that are there do not follow the settings.
        self.writer.queue.configure(&HistorySettings {
            label_names: names(&["else"]),
            ..settings(Path::new(""))
        });
        (added, store)
    }

    /// The labels of a workload in the file.
    fn labels(&self, name: &str) -> Vec<(String, String)> {
        let file = self.writer.storage.file.as_ref().expect("an open file");
        let all = names(&["app", "else", "stage", "team", "zone"]);
        let target = HistoryTarget {
            label_names: all.clone(),
            ..self.writer.queue.new_target(Some("prod"))
        };
        let (_, restored) = file.read(&target).unwrap();
        let mut workloads = restored.workloads.into_iter();
        let workload = workloads.find(|it| it.id == workload(name)).unwrap();
        let values = workload.state.labels.unwrap();
        let values = values.iter().map(ToString::to_string);
        let labels = all.iter().cloned().zip(values);
        labels.filter(|(_, value)| !value.is_empty()).collect()
    }
}

fn expect(scene: &Scene, workload: &str, labels: &[(&str, &str)]) {
    let labels: Vec<_> = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    assert_eq!(scene.labels(workload), labels, "{workload}");
}

#[test]
fn states_that_wait_in_the_queue_are_written_with_the_new_labels() {
    let mut scene = Scene::new();
    let (added, _store) = scene.add_labelled();
    let append = |entry| added.journal.append(entry);
    append(changed("old", &["billing", "web"]));
    append(changed("other", &["billing", "web"]));
    append(first_change());
    append(changed("other", &["mail", "beta"]));
    append(changed("middle", &["mail", "beta"]));
    append(second_change());
    append(changed("new", &["eu", "live", "shop"]));
    scene.process_batch();
    expect(&scene, "old", &[("app", "web")]);
    expect(&scene, "other", &[("app", "mail"), ("stage", "beta")]);
    expect(&scene, "middle", &[("app", "mail"), ("stage", "beta")]);
    let new = [("app", "shop"), ("stage", "live"), ("zone", "eu")];
    expect(&scene, "new", &new);
    // Later states have the labels of the last change.
    scene.process_batch_of(&added.journal, changed("old", &["us", "", "cron"]));
    expect(&scene, "old", &[("app", "cron"), ("zone", "us")]);
}

#[test]
fn states_that_wait_for_a_failing_disk_are_written_with_the_new_labels() {
    let mut scene = Scene::new();
    let (added, _store) = scene.add_labelled();
    scene.disk.full.store(true, Relaxed);
    scene.process_batch_of(&added.journal, changed("old", &["billing", "web"]));
    added.journal.append(first_change());
    scene.process_batch_of(&added.journal, changed("middle", &["mail", "beta"]));
    // Two changes, of which the second goes back, in one batch.
    added.journal.append(second_change());
    added
        .journal
        .append(relabelled(&["team", "app"], &[None, Some(2)]));
    scene.process_batch_of(&added.journal, changed("new", &["sales", "shop"]));
    scene.disk.full.store(false, Relaxed);
    assert!(scene.process_batch().up);
    expect(&scene, "old", &[("app", "web")]);
    expect(&scene, "middle", &[("app", "mail")]);
    expect(&scene, "new", &[("app", "shop"), ("team", "sales")]);
}

#[test]
fn rows_that_are_not_reported_again_keep_their_labels() {
    let mut scene = Scene::new();
    let (added, _store) = scene.add_labelled();
    for name in ["gone", "returns"] {
        added.journal.append(changed(name, &["billing", "web"]));
    }
    scene.process_batch();
    added.journal.append(first_change());
    // It has no state, so its row stays as it is otherwise.
    let gone = JournalEntry::WorkloadGone(workload("gone"), Departure::Cleanup);
    added.journal.append(gone);
    scene.process_batch_of(&added.journal, changed("returns", &["web", "beta"]));
    expect(&scene, "gone", &[("app", "web"), ("team", "billing")]);
    expect(&scene, "returns", &[("app", "web"), ("stage", "beta")]);
}

#[test]
fn a_target_is_read_with_its_own_labels_of_that_time() {
    let mut scene = Scene::new();
    let (added, store) = scene.add_labelled();
    scene.process_batch_of(&added.journal, changed("nightly", &["billing", "web"]));
    drop(store);
    // The next process cannot read the file, and its labels change before it can.
    let mut scene = Scene::start(scene.next().directory, false);
    scene.writer.queue.configure(&HistorySettings {
        label_names: names(&["team", "app"]),
        ..settings(Path::new(""))
    });
    let (added, other) = (scene.add("prod"), scene.add("other"));
    let stores = [scene.attach(&added), scene.attach(&other)];
    assert!(!scene.process_batch().up);
    scene.process_batch_of(&added.journal, first_change());
    scene.disk.full.store(false, Relaxed);
    assert!(scene.process_batch().up);
    let [adopted, other] = stores.map(|store| store.adopted.lock().take().unwrap());
    assert_eq!(adopted.label_names, names(&["app", "stage"]));
    assert_eq!(adopted.workloads[0].state, state(&["web", ""]));
    assert_eq!(other.label_names, names(&["team", "app"]));
    let first = scene.store.adopted.lock().take().unwrap();
    assert_eq!(first.label_names, names(&[]));
    // The labels may have changed again before the store gets the state.
    let adopted = adopted.with_labels(&names(&["zone", "app"]));
    assert_eq!(adopted.label_names, names(&["zone", "app"]));
    assert_eq!(adopted.workloads[0].state, state(&["", "web"]));
}

#[test]
fn states_that_a_journal_has_taken_to_drop_runs_follow_later_changes() {
    let mut scene = Scene::new();
    let (added, store) = scene.add_labelled();
    let run_with_labels = |number, labels: &[&str]| JournalEntry::RunFinished {
        workload: workload("nightly"),
        run: run(number).into(),
        counted: true,
        state: state(labels),
    };
    for number in 0..10_000 {
        added
            .journal
            .append(run_with_labels(number, &["billing", "web"]));
    }
    added.journal.append(changed("stays", &["billing", "web"]));
    let queue = scene.writer.queue.clone();
    let id = added.id();
    store.on_question.set(move || {
        let journal = TargetJournal::new(queue.clone(), id);
        journal.append(first_change());
        journal.append(changed("nightly", &["mail", "beta"]));
        // The writer would get the later states before the earlier ones.
        let (batches, _) = queue.take_changes(Duration::ZERO);
        assert!(batches.iter().all(|(taken, _)| *taken != id));
    });
    added.journal.relieve(&*store);
    let status = scene.process_batch();
    assert_eq!((status.waiting, status.dropped), (0, 10_000));
    expect(&scene, "stays", &[("app", "web")]);
    expect(&scene, "nightly", &[("app", "mail"), ("stage", "beta")]);
}
