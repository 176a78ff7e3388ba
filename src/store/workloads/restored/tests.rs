//! What a store shows and counts after a restart.

use std::{collections::HashSet, sync::Arc};

use parking_lot::Mutex;

use tokio::time::advance;

use super::*;
use crate::{
    model::{
        Change, CronJob, Departure, FeedHandle, FeedScope, Job, JobState, Journal, JournalEntry,
        RestoredState, RestoredWorkload, Shard, Sink as _, Totals, Uid, Update,
        WorkloadRef as Owner,
    },
    store::{StoreSettings, TargetStore},
};

/// Keeps a line for each entry.
#[derive(Debug, Default)]
struct Lines(Mutex<Vec<String>>);

impl Journal for Lines {
    fn append(&self, entry: JournalEntry) {
        let text = match entry {
            JournalEntry::RunFinished {
                workload, counted, ..
            } => format!("finished {} {counted}", workload.name),
            JournalEntry::WorkloadChanged { workload, state } => {
                format!("changed {} {}", workload.name, state.totals.succeeded)
            }
            JournalEntry::WorkloadGone(workload, _) => format!("gone {}", workload.name),
            JournalEntry::Counted(event) => format!("event {}", event.kind.as_str()),
            JournalEntry::Synced => "synced".to_owned(),
            JournalEntry::Relabelled(_) => "relabelled".to_owned(),
        };
        self.0.lock().push(text);
    }
}

struct Scene {
    store: Arc<TargetStore>,
    jobs: FeedHandle,
    cronjobs: FeedHandle,
    lines: Arc<Lines>,
}

impl Scene {
    /// Workloads with the number of their successes, and how many seconds ago they last existed.
    fn new(workloads: &[(&str, u64, i64)]) -> Self {
        let now = crate::model::now();
        let workload = |&(name, succeeded, ago): &(&str, u64, i64)| {
            let totals = Totals {
                succeeded,
                ..Totals::new(now.as_millisecond())
            };
            RestoredWorkload {
                id: id(name),
                state: totals.into(),
                last_existed: now.as_second() - ago,
                departure: Departure::Cleanup,
            }
        };
        Self::with(workloads.iter().map(workload).collect())
    }

    fn with(workloads: Vec<RestoredWorkload>) -> Self {
        Self::with_settings(workloads, StoreSettings::default())
    }

    fn with_settings(workloads: Vec<RestoredWorkload>, settings: StoreSettings) -> Self {
        let restored = RestoredState {
            since: (settings.clock)().as_second() - 86_400,
            workloads,
            runs: vec![Uid::parse("known")],
            ..RestoredState::default()
        };
        let lines = Arc::new(Lines::default());
        let store = TargetStore::restored(None, settings.into(), restored, lines.clone());
        let store = Arc::new(store);
        Self {
            jobs: store.clone().register(FeedScope::Jobs(None)),
            cronjobs: store.clone().register(FeedScope::CronJobs(None)),
            store,
            lines,
        }
    }

    fn cronjobs(&self, names: &[&str]) {
        let cronjob = |name: &&str| {
            let uid = Uid::parse(name);
            CronJob::new("etl".into(), (*name).into(), uid, "@daily".into())
        };
        let all = names.iter().map(cronjob).collect();
        self.cronjobs.push(Update::CronJobs(Change::Replaced(all)));
    }

    fn jobs(&self, jobs: Vec<Job>) {
        self.jobs.push(Update::Jobs(Change::Replaced(jobs)));
    }

    /// `name/successes` of the workloads that a scrape shows.
    fn shown(&self) -> Vec<String> {
        let snapshot = self.store.snapshot();
        let workloads = snapshot.workloads.iter();
        let mut shown: Vec<_> = workloads
            .map(|workload| format!("{}/{}", workload.id.name, workload.state.totals.succeeded))
            .collect();
        shown.sort();
        shown
    }

    fn lines(&self) -> Vec<String> {
        // One update can change a workload several times.
        let mut lines = std::mem::take(&mut *self.lines.0.lock());
        let mut known = HashSet::new();
        lines.retain(|line| known.insert(line.clone()));
        lines
    }
}

fn id(name: &str) -> WorkloadId {
    WorkloadId {
        namespace: "etl".into(),
        kind: "cronjob".into(),
        name: name.into(),
    }
}

/// A Job of a `CronJob` that completed so many seconds ago, or runs.
fn job(uid: &str, owner: &str, ended: Option<i64>) -> Job {
    let owner = Owner {
        kind: "cronjob".into(),
        name: owner.into(),
    };
    let job = Job::new("etl".into(), uid.into(), Uid::parse(uid), owner);
    let now = crate::model::now().as_second();
    Job {
        state: ended.map_or(JobState::Running, |_| JobState::Complete),
        state_since: ended.map(|ago| now - ago).into(),
        ..job
    }
}

#[tokio::test(start_paused = true)]
async fn workloads_of_other_shards_are_not_shown() {
    let shards = [0, 1].map(|index| Shard::new(index, 2).unwrap());
    for shard in shards {
        let restored = RestoredWorkload {
            id: id("moved"),
            state: Totals::new(0).into(),
            last_existed: crate::model::now().as_second(),
            departure: Departure::Cleanup,
        };
        let settings = StoreSettings {
            shard: Some(shard),
            ..StoreSettings::default()
        };
        let scene = Scene::with_settings(vec![restored], settings);
        assert_eq!(
            scene.shown().len(),
            usize::from(shard.owns("etl")),
            "{shard}"
        );
        scene.jobs(Vec::new());
        scene.cronjobs(&[]);
        let lines = scene.lines();
        assert!(lines.contains(&"synced".to_owned()), "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn recent_workloads_are_shown_for_the_rest_of_their_retention() {
    // Unordered, and one by a clock that was ahead of this one.
    let all = [
        ("older", 2, 1800),
        ("ahead", 4, -60),
        ("oldest", 1, 3500),
        ("long-gone", 9, 3600),
        ("fresh", 3, 0),
    ];
    let scene = Scene::new(&all);
    assert_eq!(scene.shown(), ["ahead/4", "fresh/3", "older/2", "oldest/1"]);
    advance(Duration::from_secs(101)).await;
    assert_eq!(scene.shown(), ["ahead/4", "fresh/3", "older/2"]);
    advance(Duration::from_mins(30)).await;
    assert_eq!(scene.shown(), ["ahead/4", "fresh/3"]);
    advance(Duration::from_mins(30)).await;
    assert_eq!(scene.shown(), Vec::<String>::new());
    assert_eq!(scene.lines(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn workloads_that_are_seen_continue_and_stay() {
    let scene = Scene::new(&[("recent", 3, 60), ("yearly", 7, 86_400), ("gone", 5, 60)]);
    scene.cronjobs(&["recent", "yearly", "new"]);
    let changes = ["changed recent 3", "changed yearly 7", "changed new 0"];
    assert_eq!(scene.lines(), changes);
    scene.jobs(Vec::new());
    assert_eq!(scene.lines(), ["synced"]);
    assert_eq!(scene.shown(), ["gone/5", "new/0", "recent/3", "yearly/7"]);
    advance(Duration::from_hours(2)).await;
    scene.cronjobs(&["recent", "yearly", "new"]);
    assert!(scene.lines().is_empty());
    assert_eq!(scene.shown(), ["new/0", "recent/3", "yearly/7"]);
}

#[tokio::test(start_paused = true)]
async fn no_workload_is_forgotten_before_everything_was_read() {
    let scene = Scene::new(&[("shown", 3, 60), ("hidden", 7, 86_400)]);
    advance(Duration::from_hours(2)).await;
    scene.jobs(Vec::new());
    assert_eq!(scene.shown(), Vec::<String>::new());
    scene.cronjobs(&["shown", "hidden"]);
    assert_eq!(
        scene.lines(),
        ["changed shown 3", "changed hidden 7", "synced"]
    );
    assert_eq!(scene.shown(), ["hidden/7", "shown/3"]);
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_is_seen_after_everything_was_read_is_new() {
    let scene = Scene::new(&[("hidden", 7, 86_400)]);
    scene.cronjobs(&[]);
    scene.jobs(Vec::new());
    scene.cronjobs(&["hidden"]);
    assert_eq!(scene.lines(), ["synced", "changed hidden 0"]);
}

#[tokio::test(start_paused = true)]
async fn runs_that_ended_meanwhile_are_counted_and_restored_ones_are_not() {
    let scene = Scene::new(&[("nightly", 3, 60)]);
    let day = 86_400;
    scene.jobs(vec![
        job("known", "nightly", Some(7200)),
        job("new", "nightly", Some(3600)),
        job("too-old", "nightly", Some(2 * day)),
        job("running", "nightly", None),
    ]);
    let lines = [
        "changed nightly 3",
        "finished nightly true",
        "finished nightly false",
    ];
    assert_eq!(scene.lines(), lines);
    assert_eq!(scene.shown(), ["nightly/4"]);
}

#[tokio::test(start_paused = true)]
async fn a_workload_is_gone_with_its_last_job_until_it_is_back() {
    let scene = Scene::new(&[]);
    scene.jobs(vec![job("a", "nightly", None)]);
    scene.lines();
    scene.jobs(Vec::new());
    assert_eq!(scene.lines(), ["changed nightly 0", "gone nightly"]);
    scene.jobs(vec![job("b", "nightly", None)]);
    assert_eq!(scene.lines(), ["changed nightly 0"], "it is back");
}

#[tokio::test(start_paused = true)]
async fn a_cronjob_that_was_deleted_while_no_process_ran_leaves_soon_after_everything_was_read() {
    let scene = Scene::with(vec![RestoredWorkload {
        state: WorkloadState {
            schedule: Some(Box::default()),
            ..Totals::new(1).into()
        },
        id: id("deleted"),
        last_existed: crate::model::now().as_second(),
        departure: Departure::Cleanup,
    }]);
    advance(Duration::from_mins(10)).await;
    assert_eq!(scene.shown(), ["deleted/0"]);
    scene.cronjobs(&[]);
    scene.jobs(Vec::new());
    assert_eq!(scene.lines(), ["gone deleted", "synced"]);
    advance(Duration::from_secs(119)).await;
    assert_eq!(scene.shown(), ["deleted/0"]);
    advance(Duration::from_secs(1)).await;
    assert_eq!(scene.shown(), Vec::<String>::new());
}
