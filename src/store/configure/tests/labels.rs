//! Mapped labels that change between two lists.

use super::*;
use crate::model::{MappedLabels, RestoredWorkload, StoreLookup as _, WorkloadId, WorkloadState};

pub(super) fn mapped(label: &str, key: &str) -> MappedLabel {
    MappedLabel {
        label: label.to_owned(),
        source: LabelSource::Label(key.to_owned()),
    }
}

fn with_labels(labels: &[MappedLabel]) -> StoreSettings {
    StoreSettings {
        labels: labels.into(),
        ..defaults()
    }
}

fn values(values: &[&str]) -> MappedLabels {
    let values = values.iter().map(|value| Name::from(*value));
    (values.len() > 0).then(|| values.collect())
}

fn labelled(name: &str, labels: MappedLabels) -> Job {
    running("a", name).with_template(|template| {
        template.labels = labels;
    })
}

fn join(labels: Option<&[Name]>) -> String {
    labels.map_or_else(|| "-".to_owned(), |labels| labels.join(","))
}

/// The label names, and the values of Jobs, CronJobs and workloads.
fn page(store: &TargetStore) -> (String, Vec<String>) {
    let snapshot = store.snapshot();
    let jobs = snapshot
        .jobs
        .iter()
        .map(|job| format!("{} {}", job.name, join(job.shown_labels())));
    let cronjobs = snapshot
        .cronjobs
        .iter()
        .map(|record| format!("cronjob {}", join(record.cronjob.labels.as_deref())));
    let workloads = snapshot
        .workloads
        .iter()
        .map(|it| format!("workload {}", join(it.state.labels.as_deref())));
    let mut lines: Vec<_> = jobs.chain(cronjobs).chain(workloads).collect();
    lines.sort();
    (snapshot.label_names.join(","), lines)
}

/// Jobs of a `CronJob` with the labels `app` and `team`.
fn labelled_target() -> (Arc<TargetStore>, [FeedHandle; 2]) {
    let store = target_of(with_labels(&[mapped("app", "app"), mapped("team", "team")]));
    let watched = feeds(&store, [jobs_in(""), cronjobs_in("")]);
    let owner = CronJob {
        labels: values(&["own", "core"]),
        inherited_labels: values(&["inherited", "core"]),
        ..cronjob("a")
    };
    list_cronjobs(&watched[1], [owner]);
    let jobs = [
        labelled("x", values(&["web", ""])),
        labelled("y", values(&["", ""])),
    ];
    list(&watched[0], jobs);
    (store, watched)
}

#[tokio::test(start_paused = true)]
async fn values_move_with_their_labels_before_the_next_list() {
    let (store, _) = labelled_target();
    let before = store.snapshot();
    let all = [
        "cronjob own,core",
        "workload own,core",
        "x web,core",
        "y inherited,core",
    ];
    assert_eq!(
        page(&store),
        ("app,team".to_owned(), all.map(str::to_owned).to_vec())
    );
    let labels = [mapped("new", "new"), mapped("team", "team")];
    store.configure(with_labels(&labels));
    let moved = ["cronjob ,core", "workload ,core", "x ,core", "y ,core"];
    assert_eq!(
        page(&store),
        ("new,team".to_owned(), moved.map(str::to_owned).to_vec())
    );
    // A scrape that began before goes on with the old labels.
    assert_eq!(before.label_names.join(","), "app,team");
    let mut jobs: Vec<_> = before
        .jobs
        .iter()
        .map(|job| join(job.shown_labels()))
        .collect();
    jobs.sort();
    assert_eq!(jobs, ["inherited,core", "web,core"]);
    store.configure(with_labels(&[]));
    let none = ["cronjob -", "workload -", "x -", "y -"];
    assert_eq!(
        page(&store),
        (String::new(), none.map(str::to_owned).to_vec())
    );
    store.configure(with_labels(&labels));
    let unknown = ["cronjob ,", "workload ,", "x ,", "y ,"];
    assert_eq!(
        page(&store),
        ("new,team".to_owned(), unknown.map(str::to_owned).to_vec())
    );
}

#[tokio::test(start_paused = true)]
async fn a_label_with_another_source_has_no_value_until_the_next_list() {
    let (store, [jobs, _]) = labelled_target();
    store.configure(with_labels(&[
        mapped("app", "other"),
        mapped("team", "team"),
    ]));
    let moved = ["cronjob ,core", "workload ,core", "x ,core", "y ,core"];
    assert_eq!(page(&store).1, moved);
    list(&jobs, [labelled("x", values(&["other", ""]))]);
    assert!(page(&store).1.contains(&"x other,core".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_follows_a_removed_label_changes_nothing() {
    let (store, [jobs, _]) = labelled_target();
    store.configure(with_labels(&[mapped("team", "team")]));
    let before = store.snapshot();
    list(
        &jobs,
        [labelled("x", values(&[""])), labelled("y", values(&[""]))],
    );
    let after = store.snapshot();
    assert!(share(&before.jobs, &after.jobs));
}

#[tokio::test(start_paused = true)]
async fn objects_that_shared_their_values_share_the_new_ones() {
    let store = target_of(with_labels(&[mapped("app", "app"), mapped("team", "team")]));
    let [jobs] = feeds(&store, [jobs_in("")]);
    let shared = values(&["web", "core"]);
    list(
        &jobs,
        [labelled("x", shared.clone()), labelled("y", shared)],
    );
    store.configure(with_labels(&[mapped("team", "team")]));
    let snapshot = store.snapshot();
    let labels: Vec<_> = snapshot
        .jobs
        .iter()
        .filter_map(|job| job.template.labels.clone())
        .collect();
    assert_eq!(join(Some(&labels[0])), "core");
    assert_eq!(labels[0].as_ptr(), labels[1].as_ptr());
}

#[tokio::test(start_paused = true)]
async fn the_journal_gets_the_change_before_the_new_values() {
    let journal = Arc::new(MemoryJournal::default());
    let before = with_labels(&[mapped("app", "app"), mapped("team", "team")]);
    let restored = |name: &str, last_existed| RestoredWorkload {
        id: WorkloadId {
            namespace: "a".into(),
            kind: "cronjob".into(),
            name: name.into(),
        },
        state: WorkloadState {
            labels: values(&["web", "core"]),
            ..WorkloadState::default()
        },
        last_existed,
        departure: crate::model::Departure::Cleanup,
    };
    let state = RestoredState {
        workloads: vec![
            restored("tick", 0),
            restored("gone", MIDNIGHT),
            restored("hidden", 0),
        ],
        ..RestoredState::default()
    };
    let store = TargetStore::restored(None, before.into(), state, journal.clone());
    let store = Arc::new(store);
    let [jobs, _never_read] = feeds(&store, [jobs_in(""), cronjobs_in("")]);
    list(&jobs, [labelled("x", values(&["web", "core"]))]);
    journal.take();
    store.configure(with_labels(&[mapped("team", "team")]));
    let line = |entry: &JournalEntry| match entry {
        JournalEntry::Relabelled(it) => format!("{} {:?}", it.names.join(","), it.positions),
        JournalEntry::WorkloadChanged { workload, state } => {
            format!("{} {}", workload.name, join(state.labels.as_deref()))
        }
        other => format!("{other:?}"),
    };
    let lines: Vec<_> = journal.take().iter().map(line).collect();
    assert_eq!(lines, ["team [Some(1)]", "tick core"]);
    // Those that are not reported were moved, too.
    store.report_all();
    let mut lines: Vec<_> = journal.take().iter().map(line).collect();
    lines.retain(|line| line.ends_with("core"));
    lines.sort();
    assert_eq!(lines, ["gone core", "hidden core", "tick core"]);
}
