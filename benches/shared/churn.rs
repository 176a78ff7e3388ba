//! A store whose Jobs churn as those of CronJobs do, for benches of anything that is kept between two scrapes.
//!
//! The Jobs are in the order in which API servers list them: by namespace and name, so those of a CronJob are side by side. The newest
//! tenth of each CronJob runs. A step of churn starts, ends and deletes runs of the CronJobs in turn: new ones at the end, the oldest
//! active ones in between, the oldest ones at the front. `scripts/benchmark-large` has the same model.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jiff::Timestamp;
use job_status_exporter::{
    model::{
        Change, FeedHandle, FeedScope, Job, JobState, Name, NoopJournal, PodCounts, RestoredState,
        Seconds, Sink, Update, WorkloadRef,
    },
    store::{Retention, StoreSettings, TargetStore},
};

use super::records;

/// The number of Jobs of a CronJob at the start.
const RUNS: u32 = 100;
/// One of so many runs of a CronJob is active at the start.
const ACTIVE: u32 = 10;
const NAMESPACES: u32 = 20;
/// 2026-11-23T15:00:00Z, the date of everything.
const NOW: Seconds = 1_795_446_000;

/// A store with Jobs of CronJobs, and what changes them.
pub(crate) struct Churn {
    /// The store, read just now.
    pub(crate) store: Arc<TargetStore>,
    /// Pushes updates to it.
    pub(crate) feed: FeedHandle,
    workloads: Vec<Workload>,
    /// The CronJobs whose turn it is to have a run added, ended and deleted.
    turns: [usize; 3],
}

/// A CronJob and its Jobs, the oldest first.
struct Workload {
    namespace: Name,
    reference: WorkloadRef,
    index: u32,
    jobs: VecDeque<Job>,
    next: u32,
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap_or(Timestamp::UNIX_EPOCH)
}

// === impl Churn ===

impl Churn {
    /// A store with `jobs` Jobs, 100 for each CronJob.
    pub(crate) fn new(jobs: u32) -> Self {
        let settings = StoreSettings {
            clock: now,
            // A deleted Job leaves at once, so that the number of Jobs stays.
            retention: Retention {
                deleted: Duration::ZERO,
                ..StoreSettings::default().retention
            },
            ..StoreSettings::default()
        };
        let (restored, journal) = (RestoredState::default(), Arc::new(NoopJournal));
        let store = Arc::new(TargetStore::restored(
            None,
            settings.into(),
            restored,
            journal,
        ));
        let feed = store.clone().register(FeedScope::Jobs(None));
        let mut workloads: Vec<_> = (0..jobs / RUNS).map(Workload::new).collect();
        workloads.sort_by_key(|workload| (workload.index % NAMESPACES, workload.index));
        let churn = Self {
            store,
            feed,
            workloads,
            turns: [0; 3],
        };
        churn
            .feed
            .push(Update::Jobs(Change::Replaced(churn.list())));
        churn.feed.push(Update::CaughtUp(now()));
        churn
    }

    /// All Jobs, as a list returns them.
    pub(crate) fn list(&self) -> Vec<Job> {
        let jobs = self.workloads.iter().flat_map(|one| &one.jobs);
        jobs.cloned().collect()
    }

    /// Starts, ends and deletes so many runs each. Returns the updates: the store does not have them yet.
    pub(crate) fn step(&mut self, runs: u32) -> Vec<Update> {
        let changes = (0..runs).flat_map(|_| [Some(self.add()), self.end(), self.delete()]);
        changes.flatten().map(Update::Jobs).collect()
    }

    fn add(&mut self) -> Change<Job> {
        let workload = self.turn(0);
        let job = workload.job(workload.next, false);
        workload.next += 1;
        workload.jobs.push_back(job.clone());
        Change::Applied(job)
    }

    fn end(&mut self) -> Option<Change<Job>> {
        let workload = self.turn(1);
        let place = workload.jobs.iter().position(|job| !job.finished())?;
        let number = workload.next - u32::try_from(workload.jobs.len() - place).ok()?;
        let job = workload.job(number, true);
        workload.jobs[place] = job.clone();
        Some(Change::Applied(job))
    }

    fn delete(&mut self) -> Option<Change<Job>> {
        let workload = self.turn(2);
        workload.jobs.pop_front().map(Change::Deleted)
    }

    fn turn(&mut self, turn: usize) -> &mut Workload {
        let place = self.turns[turn];
        self.turns[turn] = (place + 1) % self.workloads.len();
        &mut self.workloads[place]
    }
}

// === impl Workload ===

impl Workload {
    fn new(index: u32) -> Self {
        let mut workload = Self {
            namespace: format!("load-{:02}", index % NAMESPACES).into(),
            reference: WorkloadRef {
                kind: "cronjob".into(),
                name: format!("pipeline-{index:05}").into(),
            },
            index,
            jobs: VecDeque::new(),
            next: RUNS,
        };
        let job = |number| workload.job(number, number < RUNS - RUNS / ACTIVE);
        let jobs = (0..RUNS).map(job).collect();
        workload.jobs = jobs;
        workload
    }

    /// A run: number 100 starts now, and there is one each minute.
    fn job(&self, number: u32, ended: bool) -> Job {
        let start = NOW + 60 * (i64::from(number) - i64::from(RUNS));
        // The number is the name and the uid, so it is different for each CronJob.
        let unique = self.index * 100_000 + number;
        let job = records::job(&self.namespace, &self.reference, unique);
        let job = Job {
            created: Some(start).into(),
            start: Some(start).into(),
            due: Some(start).into(),
            state_since: Some(start + 40).into(),
            ..job
        };
        if ended {
            return job;
        }
        Job {
            state: JobState::Running,
            state_since: None.into(),
            pods: PodCounts {
                active: 1,
                succeeded: 0,
                ready: Some(1).into(),
                ..job.pods
            },
            ..job
        }
    }
}
