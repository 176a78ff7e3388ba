//! A file that is lost while it is in use, or that can be read only after the start.

use std::{fs, path::PathBuf};

use super::*;

impl Scene {
    fn path(&self) -> PathBuf {
        self.directory.path().join("history.redb")
    }

    /// The contents of the files beside the history.
    fn set_aside(&self) -> Vec<Vec<u8>> {
        let files = fs::read_dir(self.directory.path()).unwrap();
        let files = files.map(|file| file.unwrap().path());
        let aside = files.filter(|file| *file != self.path());
        aside.map(|file| fs::read(file).unwrap()).collect()
    }
}

/// A history with the runs 1 to 200, of which the store still has the last two.
fn written() -> (Scene, RunCounter) {
    let mut scene = Scene::new();
    let mut counter = RunCounter::default();
    let entries: Vec<_> = (1..=200)
        .map(|number| counter.finish("nightly", run(number)))
        .collect();
    scene.append(entries.clone());
    assert!(scene.process_batch().up);
    *scene.store.all.lock() = entries[198..].to_vec();
    (scene, counter)
}

/// What happens to the file, and what must be kept of it.
type Loss = fn(&Scene) -> Option<Vec<u8>>;

#[test]
fn a_lost_file_is_written_anew_and_what_is_in_its_place_is_kept() {
    let deleted: Loss = |scene| {
        fs::remove_file(scene.path()).unwrap();
        None
    };
    let replaced: Loss = |scene| {
        let other = scene.directory.path().join("other");
        fs::write(&other, vec![7; 10_000]).unwrap();
        fs::rename(other, scene.path()).unwrap();
        Some(vec![7; 10_000])
    };
    let truncated: Loss = |scene| {
        let file = fs::OpenOptions::new().write(true).open(scene.path());
        file.unwrap().set_len(4096).unwrap();
        Some(fs::read(scene.path()).unwrap())
    };
    let emptied: Loss = |scene| {
        fs::write(scene.path(), b"").unwrap();
        Some(Vec::new())
    };
    let overwritten: Loss = |scene| {
        let mut content = fs::read(scene.path()).unwrap();
        content[..100].fill(0);
        fs::write(scene.path(), &content).unwrap();
        Some(content)
    };
    for (name, lose) in [
        ("deleted", deleted),
        ("replaced", replaced),
        ("truncated", truncated),
        ("emptied", emptied),
        ("overwritten", overwritten),
    ] {
        let (mut scene, mut counter) = written();
        let since = scene.target().target.row.since;
        let kept = lose(&scene);
        scene.append([counter.finish("nightly", run(201))]);
        let status = scene.process_batch();
        assert!(status.up, "{name}");
        assert_eq!(status.waiting, 0, "{name}");
        assert_eq!(scene.set_aside(), Vec::from_iter(kept), "{name}");
        // Only once.
        scene.append([counter.finish("nightly", run(202))]);
        assert!(scene.process_batch().up);
        let aside = scene.set_aside();
        let scene = scene.killed();
        assert_eq!(scene.set_aside(), aside, "{name}");
        assert_eq!(scene.runs(), uids(199..=202), "{name}");
        assert_eq!(scene.restored.since, since, "{name}");
        let totals = &scene.restored.workloads[0].state.totals;
        assert_eq!(totals.succeeded, 202, "{name}");
    }
}

#[test]
fn a_file_that_is_lost_while_the_disk_is_full_is_written_anew() {
    let (mut scene, mut counter) = written();
    fs::remove_file(scene.path()).unwrap();
    scene.disk.full.store(true, Relaxed);
    scene.append([counter.finish("nightly", run(201))]);
    assert!(!scene.process_batch().up);
    scene.disk.full.store(false, Relaxed);
    assert!(scene.process_batch().up);
    let scene = scene.killed();
    assert_eq!(scene.runs(), uids(199..=201));
}

#[test]
fn a_file_that_can_be_read_later_is_continued_and_never_overwritten() {
    let (scene, _) = written();
    let since = scene.restored.since;
    let mut scene = Scene::start(scene.next().directory, false);
    let mut counter = RunCounter::default();
    scene.append([counter.finish("other", run(300))]);
    assert!(!scene.process_batch().up);
    assert_eq!(scene.store.adopted.lock().as_ref().map(|_| ()), None);
    scene.disk.full.store(false, Relaxed);
    assert!(scene.process_batch().up);
    let adopted = scene.store.adopted.lock().take().unwrap();
    assert_eq!((adopted.since, adopted.runs.len()), (since, 200));
    assert_eq!(adopted.workloads[0].state.totals.succeeded, 200);
    assert!(scene.set_aside().is_empty());
    let scene = scene.killed();
    assert_eq!(scene.runs(), uids((1..=200).chain([300])));
    assert_eq!(scene.restored.workloads.len(), 2);
}

#[test]
fn a_write_that_hangs_keeps_only_the_runs_whose_jobs_exist() {
    let scene = Scene::new();
    scene.set_present(1..=100);
    let mut counter = RunCounter::default();
    for number in 1..30_000 {
        scene.append([counter.finish("nightly", run(number))]);
        scene.journal.relieve(&*scene.store);
    }
    let status = scene.writer.queue.status.snapshot();
    assert!(status.waiting < 20_100, "{status:?}");
    assert_eq!(status.waiting + status.dropped, 29_999);
    let mut scene = scene;
    assert!(scene.process_batch().up);
    let scene = scene.killed();
    let runs = scene.runs();
    assert!(uids(1..=100).iter().all(|uid| runs.contains(uid)));
    let totals = &scene.restored.workloads[0].state.totals;
    assert_eq!(totals.succeeded, 29_999);
}
