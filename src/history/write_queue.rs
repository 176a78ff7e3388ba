//! Where the journals and the writer meet: what waits to be written, and what the API shows.
//!
//! One lock, held for a look-up or a swap and never while the disk works, so that taking note never waits for it.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    mem,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{Status, pending::PendingWrites};
use crate::model::{self, Journal, JournalEntry, Uid, WorkloadId};

/// Where the journals and the writer meet.
#[derive(Debug)]
pub(super) struct WriteQueue {
    state: Mutex<State>,
    /// Rung when there is something for the writer to do.
    bell: Condvar,
    hasher: RandomState,
    /// For how long runs have to be known whose Jobs are gone.
    pub(super) lag: Duration,
    pub(super) status: Arc<Status>,
}

#[derive(Debug)]
struct State {
    targets: Vec<Target>,
    closing: bool,
}

/// What is known of one target.
#[derive(Debug, Default)]
struct Target {
    waiting: PendingWrites,
    /// Finished runs whose Jobs the API shows, hashed: 100,000 of them take 2 MB.
    shown: HashSet<u64>,
    /// Those whose Jobs went lately, hashed, and until when they have to be known.
    gone: HashMap<u64, Instant>,
    sync: Sync,
}

/// How far reading everything has come.
#[derive(Debug)]
enum Sync {
    /// These workloads were seen so far, hashed.
    Reading(HashSet<u64>),
    /// All was read, and the writer is to know.
    Read(HashSet<u64>),
    /// The writer knows.
    Told,
}

/// What the writer takes away of one target.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) waiting: PendingWrites,
    /// Given once, when everything was read: the workloads that were seen, hashed.
    pub(super) synced: Option<HashSet<u64>>,
}

/// The journal of one target.
#[derive(Debug)]
pub(super) struct TargetJournal {
    queue: Arc<WriteQueue>,
    target: usize,
}

impl WriteQueue {
    pub(super) fn new(targets: usize, lag: Duration, status: Arc<Status>) -> Self {
        let state = State {
            targets: (0..targets).map(|_| Target::default()).collect(),
            closing: false,
        };
        Self {
            state: Mutex::new(state),
            bell: Condvar::new(),
            hasher: RandomState::new(),
            lag,
            status,
        }
    }

    /// Takes away what waits, once something does, `patience` is over, or all is to be brought to an end: then gives `true`.
    /// With `sleep`, does not care how much waits.
    pub(super) fn collect(&self, patience: Duration, sleep: bool) -> (Vec<Batch>, bool) {
        let idle = |state: &mut State| {
            !state.closing && (sleep || !state.targets.iter().any(Target::has_news))
        };
        let mut state = self.state();
        self.bell.wait_while_for(&mut state, idle, patience);
        let piles = state.targets.iter_mut().map(Target::take).collect();
        (piles, state.closing)
    }

    /// Asks the writer to bring all to an end.
    pub(super) fn close(&self) {
        self.state().closing = true;
        self.bell.notify_one();
    }

    /// Finished runs of a target whose Jobs the API shows, hashed.
    pub(super) fn shown(&self, target: usize) -> HashSet<u64> {
        self.state().targets[target].shown.clone()
    }

    /// The same, and those whose Jobs went not long ago: the API may be late and show them again.
    pub(super) fn known(&self, target: usize) -> HashSet<u64> {
        let now = Instant::now();
        let Target { shown, gone, .. } = &mut self.state().targets[target];
        gone.retain(|_, until| now < *until);
        shown.iter().chain(gone.keys()).copied().collect()
    }

    pub(super) fn hash_run(&self, uid: &Uid) -> u64 {
        self.hasher.hash_one(uid)
    }

    pub(super) fn hash_workload(&self, id: &WorkloadId) -> u64 {
        self.hasher.hash_one(id)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Takes note, and says whether the writer is to know of it at once.
    fn note(&self, target: &mut Target, note: JournalEntry) -> bool {
        match note {
            JournalEntry::Finished {
                workload,
                run,
                counted,
                totals,
            } => {
                target.see(self.hash_workload(&workload));
                target.show(self.hash_run(&run.uid));
                target.waiting.finish(workload, run, counted, totals);
                self.status.waiting.fetch_add(1, Relaxed);
                let Target { waiting, shown, .. } = target;
                if waiting.is_crowded() {
                    self.dropped(waiting.drop_gone(|run| shown.contains(&self.hash_run(&run.uid))));
                }
            }
            JournalEntry::Changed { workload, totals } => {
                target.see(self.hash_workload(&workload));
                target.waiting.change(workload, totals);
            }
            JournalEntry::Present(uid) => {
                target.show(self.hash_run(&uid));
                return false;
            }
            JournalEntry::Gone(uid) => {
                let uid = self.hash_run(&uid);
                target.shown.remove(&uid);
                target.gone.insert(uid, Instant::now() + self.lag);
                return false;
            }
            JournalEntry::Left(workload) => {
                target.waiting.leave(workload, model::now().as_second());
            }
            JournalEntry::Synced => target.sync.read(),
        }
        true
    }

    /// So many runs are in the file now.
    pub(super) fn written(&self, runs: usize) {
        self.status.waiting.fetch_sub(runs as u64, Relaxed);
    }

    /// So many runs are not going to be written.
    pub(super) fn dropped(&self, runs: usize) {
        self.status.waiting.fetch_sub(runs as u64, Relaxed);
        self.status.dropped.fetch_add(runs as u64, Relaxed);
    }
}

impl Target {
    fn see(&mut self, workload: u64) {
        if let Sync::Reading(seen) = &mut self.sync {
            seen.insert(workload);
        }
    }

    fn show(&mut self, run: u64) {
        self.shown.insert(run);
        self.gone.remove(&run);
    }

    fn has_news(&self) -> bool {
        !self.waiting.is_empty() || matches!(self.sync, Sync::Read(_))
    }

    fn take(&mut self) -> Batch {
        let synced = match mem::replace(&mut self.sync, Sync::Told) {
            Sync::Read(seen) => Some(seen),
            other => {
                self.sync = other;
                None
            }
        };
        Batch {
            waiting: mem::take(&mut self.waiting),
            synced,
        }
    }
}

impl Default for Sync {
    fn default() -> Self {
        Self::Reading(HashSet::new())
    }
}

impl Sync {
    fn read(&mut self) {
        if let Self::Reading(seen) = self {
            *self = Self::Read(mem::take(seen));
        }
    }
}

impl TargetJournal {
    /// The journal of the target with this position.
    pub(super) fn new(queue: Arc<WriteQueue>, target: usize) -> Self {
        Self { queue, target }
    }
}

impl Journal for TargetJournal {
    fn note(&self, note: JournalEntry) {
        let mut state = self.queue.state();
        let ring = self.queue.note(&mut state.targets[self.target], note);
        drop(state);
        if ring {
            self.queue.bell.notify_one();
        }
    }
}
