//! What is deleted from the file, and when.

use super::*;

#[test]
fn surplus_and_old_runs_are_deleted_once_everything_was_read_and_the_store_does_not_count_them() {
    let mut scene = Scene::new();
    let mut counter = RunCounter::default();
    scene.append((1..=6).map(|number| counter.finish("nightly", recent(number))));
    // These ended years ago.
    scene.append((7..=8).map(|number| counter.finish("yearly", run(number))));
    scene.set_present([4, 5, 8]);
    scene.process_batch();
    scene.prune_now();
    let mut scene = scene.killed();
    assert_eq!(scene.runs(), uids(1..=8), "not everything was read");
    scene.set_present([4, 5, 8]);
    scene.append([JournalEntry::Synced]);
    scene.process_batch();
    scene.prune_now();
    let mut scene = scene.killed();
    assert_eq!(scene.runs(), uids(1..=8), "it was read only now");
    scene.set_present([4, 5, 8]);
    scene.append([JournalEntry::Synced]);
    scene.process_batch();
    scene.prune();
    let mut scene = scene.killed();
    // The last three of the six by due time are 4, 5 and 6.
    assert_eq!(scene.runs(), uids([4, 5, 6, 8]));
    scene.append([JournalEntry::Synced]);
    scene.process_batch();
    scene.prune();
    assert_eq!(scene.next().runs(), uids([4, 5, 6]));
}

#[test]
fn counted_runs_whose_jobs_are_gone_are_not_deleted() {
    let mut scene = Scene::new();
    let mut counter = RunCounter::default();
    scene.append((1..=8).map(|number| counter.finish("nightly", recent(number))));
    scene.append([JournalEntry::Synced]);
    scene.set_counted([1, 2]);
    scene.set_present([3, 4, 5]);
    scene.process_batch();
    scene.prune();
    scene.set_counted([1]);
    scene.set_present([4]);
    let mut scene = scene.killed();
    assert_eq!(scene.runs(), uids(1..=8));
    scene.append([JournalEntry::Synced]);
    scene.set_counted([1]);
    scene.set_present([4]);
    scene.process_batch();
    scene.prune();
    assert_eq!(scene.next().runs(), uids([1, 4, 6, 7, 8]));
}

#[test]
fn nothing_is_deleted_while_the_store_is_unknown() {
    let mut scene = Scene::new();
    let mut counter = RunCounter::default();
    scene.append((1..=8).map(|number| counter.finish("nightly", recent(number))));
    scene.append([JournalEntry::Synced]);
    scene.process_batch();
    // The process ends, and its store is dropped before the last write.
    scene.store = Arc::default();
    scene.prune();
    let mut scene = scene.next();
    assert_eq!(scene.runs(), uids(1..=8));
    scene.store = Arc::default();
    scene.append([JournalEntry::Synced]);
    scene.process_batch();
    let target = scene.target();
    assert!(target.synced && target.phase == TargetPhase::Reading);
}

#[test]
fn workloads_exist_until_they_are_gone_or_not_found_by_the_next_process() {
    let at = |scene: &Scene, name: &str| {
        let mut all = scene.restored.workloads.iter();
        all.find(|it| it.id == workload(name))
            .map(|it| it.last_existed)
    };
    let seen = |name: &str| JournalEntry::WorkloadChanged {
        workload: workload(name),
        state: Totals::new(1).into(),
    };
    let mut scene = Scene::new();
    scene.append(["stays", "leaves", "vanishes", "returns"].map(seen));
    scene.append(
        ["leaves", "returns"]
            .map(|name| JournalEntry::WorkloadGone(workload(name), Departure::Cleanup)),
    );
    scene.append([seen("returns"), JournalEntry::Synced]);
    scene.set_workloads(&["stays", "vanishes", "returns"]);
    scene.process_batch();
    // As if a day had passed since.
    let day = 86_400;
    let target = scene.target();
    target.target.row.seen -= day;
    target.phase = TargetPhase::Reading;
    scene.append([seen("stays")]);
    scene.process_batch();
    let mut scene = scene.killed();
    let now = model::now().as_second();
    let ago = |last_existed: Option<Seconds>| now - last_existed.unwrap();
    assert!(
        ago(at(&scene, "leaves")) < 100,
        "its entry has the exact time"
    );
    for name in ["stays", "vanishes", "returns"] {
        assert!(
            (day - 100..day + 100).contains(&ago(at(&scene, name))),
            "{name}"
        );
    }
    scene.append([seen("stays"), seen("returns"), JournalEntry::Synced]);
    scene.set_workloads(&["stays", "returns"]);
    scene.process_batch();
    let scene = scene.next();
    for name in ["stays", "returns", "leaves"] {
        assert!(ago(at(&scene, name)) < 100, "{name}");
    }
    assert!(ago(at(&scene, "vanishes")) > day - 100);
}

#[test]
fn workloads_and_targets_expire() {
    let mut scene = Scene::new();
    let seen = |name: &str| JournalEntry::WorkloadChanged {
        workload: workload(name),
        state: Totals::new(1).into(),
    };
    scene.append([
        seen("stays"),
        seen("leaves"),
        JournalEntry::WorkloadGone(workload("leaves"), Departure::Cleanup),
        JournalEntry::Synced,
    ]);
    scene.set_workloads(&["stays"]);
    scene.process_batch();
    let file = scene.writer.storage.file.as_ref().unwrap();
    let other = HistoryTarget {
        row: TargetRow { since: 1, seen: 1 },
        ..scene.writer.queue.new_target(Some("other"))
    };
    let other = TargetWrites {
        target: &other,
        pending: &PendingWrites::default(),
    };
    file.write(&[other]).unwrap();
    let limits = Limits {
        runs_per_workload: 1,
        oldest: model::now().as_second() + 1,
        gone_workloads: 100,
    };
    assert_eq!(target_names(file), ["", "other"]);
    file.prune("", limits, &*scene.store).unwrap();
    file.prune_targets(&HashSet::from([""]), limits.oldest)
        .unwrap();
    assert_eq!(target_names(file), [""]);
    let scene = scene.killed();
    let left: Vec<_> = scene
        .restored
        .workloads
        .iter()
        .map(|it| it.id.clone())
        .collect();
    assert_eq!(left, [workload("stays")]);
}

#[test]
fn of_many_workloads_that_are_gone_the_latest_are_kept_with_their_runs() {
    let mut scene = Scene::new();
    scene.append([JournalEntry::Synced]);
    scene.process_batch();
    for number in 0..300 {
        let name = format!("once-{number}");
        scene.append([
            RunCounter::default().finish(&name, recent(number)),
            JournalEntry::WorkloadGone(workload(&name), Departure::Cleanup),
        ]);
    }
    // A lagging API server may show this one again.
    scene.set_counted([7]);
    scene.process_batch();
    scene.prune();
    let status = scene.writer.queue.status.snapshot();
    assert!((100..=101).contains(&status.runs), "{status:?}");
    let scene = scene.killed();
    assert_eq!(scene.restored.workloads.len(), 100);
    assert!(scene.runs().contains(&uid(7).to_string()));
}
