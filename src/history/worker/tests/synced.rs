//! A target whose feeds are replaced and read again, and limits that change.

use super::*;

fn seen(name: &str) -> JournalEntry {
    JournalEntry::WorkloadChanged {
        workload: workload(name),
        state: Totals::new(1).into(),
    }
}

impl Scene {
    /// The time when a workload last existed as a process sees it that starts now; `None` if the file lacks it.
    fn last_existed(&mut self, name: &str) -> Option<Seconds> {
        let target = self.target().target.clone();
        let (_, restored) = self.writer.storage.file.as_ref()?.read(&target).unwrap();
        let mut workloads = restored.workloads.into_iter();
        let workload = workloads.find(|it| it.id == workload(name))?;
        Some(workload.last_existed)
    }
}

#[test]
fn workloads_that_do_not_exist_when_everything_was_read_again_are_gone() {
    let mut scene = Scene::new();
    scene.append(["stays", "leaves"].map(seen));
    scene.append([JournalEntry::Synced]);
    scene.set_workloads(&["stays", "leaves"]);
    scene.process_batch();
    scene.set_workloads(&["stays"]);
    // As if it had been a while ago.
    scene.target().target.row.seen = 1_000;
    scene.append([JournalEntry::Synced]);
    scene.process_batch();
    assert_eq!(scene.last_existed("leaves"), Some(1_000));
    let now = model::now().as_second();
    assert!(now - scene.last_existed("stays").unwrap() < 100);
    // It stays gone, and the time stays.
    scene.append([seen("stays"), JournalEntry::Synced]);
    scene.process_batch();
    assert_eq!(scene.last_existed("leaves"), Some(1_000));
}

#[test]
fn reading_everything_again_deletes_no_counted_run_and_delays_no_pruning() {
    let mut scene = Scene::new();
    let mut counter = RunCounter::default();
    scene.append((1..=8).map(|number| counter.finish("nightly", recent(number))));
    scene.append([JournalEntry::Synced]);
    scene.set_counted(1..=8);
    scene.process_batch();
    let settled = scene.target().prune_from().unwrap();
    scene.append([JournalEntry::Synced]);
    scene.process_batch();
    assert_eq!(scene.target().prune_from(), Some(settled));
    scene.prune();
    let kept = |scene: &mut Scene| {
        let target = scene.target().target.clone();
        let (_, restored) = scene
            .writer
            .storage
            .file
            .as_ref()
            .unwrap()
            .read(&target)
            .unwrap();
        let mut runs: Vec<_> = restored.runs.iter().map(ToString::to_string).collect();
        runs.sort();
        runs
    };
    assert_eq!(kept(&mut scene), uids(1..=8), "the store counts them");
    scene.append([JournalEntry::Synced]);
    scene.process_batch();
    scene.set_counted([1]);
    scene.prune_now();
    assert_eq!(kept(&mut scene), uids([1, 6, 7, 8]));
}

#[test]
fn a_target_that_settles_does_not_delay_the_pruning_of_others() {
    let mut scene = Scene::new();
    scene.append([JournalEntry::Synced]);
    scene.process_batch();
    let first = scene.target().prune_from().unwrap();
    assert!(scene.writer.prune_at <= first, "an hour after it settled");
    let other = scene.add("prod");
    let _store = scene.attach(&other);
    scene.process_batch_of(&other.journal, JournalEntry::Synced);
    assert!(scene.writer.prune_at <= first);
    // The first is pruned now. The next time is when the other may be, not an hour later.
    let target = scene.target();
    target.phase = TargetPhase::Settled {
        prune_from: Instant::now(),
    };
    scene.prune_now();
    let settled = scene.writer.targets[&other.id()].prune_from().unwrap();
    assert_eq!(scene.writer.prune_at, settled);
}

#[test]
fn a_target_that_was_synced_before_its_file_can_be_read_settles_afterwards() {
    let mut scene = Scene::new();
    scene.append(["stays", "leaves"].map(seen));
    scene.process_batch();
    let mut scene = Scene::start(scene.next().directory, false);
    scene.set_workloads(&["stays"]);
    scene.append([seen("stays"), JournalEntry::Synced]);
    scene.process_batch();
    assert_eq!(scene.target().phase, TargetPhase::Unread);
    let before = model::now().as_second();
    scene.disk.full.store(false, Relaxed);
    scene.process_batch();
    assert!(scene.target().prune_from().is_some());
    assert!(scene.last_existed("leaves").unwrap() <= before);
    let seen = scene.target().target.row.seen;
    assert_eq!(scene.last_existed("stays"), Some(seen));
}

#[test]
fn limits_that_change_count_when_the_file_is_pruned_next() {
    let mut scene = Scene::new();
    let mut counter = RunCounter::default();
    scene.append((1..=8).map(|number| counter.finish("nightly", recent(number))));
    for number in 1..=4 {
        let name = format!("gone-{number}");
        scene.append([
            seen(&name),
            JournalEntry::WorkloadGone(workload(&name), Departure::Cleanup),
        ]);
    }
    scene.append([JournalEntry::Synced]);
    scene.set_workloads(&["nightly"]);
    scene.process_batch();
    scene.writer.queue.configure(&HistorySettings {
        runs_per_workload: 5,
        gone_workloads: 2,
        ..settings(Path::new("other"))
    });
    scene.prune();
    let scene = scene.next();
    assert_eq!(scene.runs(), uids(4..=8));
    assert_eq!(scene.restored.workloads.len(), 3);
}
