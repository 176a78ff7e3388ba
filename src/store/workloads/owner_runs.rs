//! The runs of owners with several Jobs, such as a `JobSet` or a `Workflow`: all Jobs of one owner are one run.
//!
//! A run is over when none of its Jobs is unfinished, and none started for the settling time: the steps of a `Workflow` come one after
//! the other. Then it settles: its result is counted and shown. A Job that comes later reopens it, and it settles again.
//!
//! A run is known as long as one of its Jobs exists, and for [`UID_RETENTION`] afterwards.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use super::Observation;
use crate::model::{Job, Run, RunSortKey, Seconds, UID_RETENTION, Uid, WorkloadId};

mod fold;

pub(super) use fold::FoldResult;
use fold::JobFold;

/// When a run is looked at again whose Jobs cannot be read.
const RETRY: Duration = Duration::from_mins(1);

/// The runs of all owners of a target.
#[derive(Debug)]
pub(super) struct OwnerRuns {
    /// How long an owner must have no unfinished Job before its run is over.
    settling_time: Duration,
    runs: HashMap<Uid, OwnerRun>,
    /// The runs that settle or are forgotten, by the time of that. A number tells runs of the same time apart.
    deadlines: BTreeMap<(Instant, u64), Uid>,
    numbers: u64,
    /// Runs that earlier processes saw settle, until a Job of theirs is seen or everything was read.
    restored: HashMap<Uid, Run>,
}

/// The run of one owner.
#[derive(Debug)]
pub(super) struct OwnerRun {
    pub(super) workload: WorkloadId,
    jobs: JobFold,
    phase: Phase,
    deadline: Option<(Instant, u64)>,
    /// It does not settle earlier: this process may have begun between two of its Jobs.
    not_before: Option<Instant>,
    /// The run as it was when it settled last.
    pub(super) settled: Option<Box<Run>>,
    /// Creation and start, which decide its position among the runs of the workload. They do not change after it has settled.
    position: Option<(Option<Seconds>, Option<Seconds>)>,
    pub(super) counted: Counted,
    /// Whether this process saw one of its Jobs before that finished.
    pub(super) seen_unfinished: bool,
    /// See [`Observation::count_since`].
    pub(super) count_since: Option<Seconds>,
    /// The start under which its workload has it among the active runs; `None` if it is not among them.
    pub(super) active_since: Option<Seconds>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A Job is unfinished.
    Open,
    /// None is, but one may follow.
    Settling,
    /// The result was counted and shown.
    Settled,
}

/// What the counters of the workload have of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counted {
    #[default]
    Nothing,
    /// That it was deleted before it finished.
    Deletion,
    /// Its result, by an earlier process or before its Jobs were deselected. What was counted of its pods is not known.
    Earlier,
    /// Its result.
    Result,
}

// === impl OwnerRuns ===

impl OwnerRuns {
    /// No runs yet. See [`StoreSettings::settling_time`](crate::store::StoreSettings::settling_time).
    pub(super) fn new(settling_time: Duration) -> Self {
        Self {
            settling_time,
            runs: HashMap::new(),
            deadlines: BTreeMap::new(),
            numbers: 0,
            restored: HashMap::new(),
        }
    }

    /// Adds a run that an earlier process saw settle.
    pub(super) fn insert_restored(&mut self, run: Run) {
        match self.runs.get_mut(&run.uid) {
            Some(known) => known.continue_from(run),
            None => {
                self.restored.insert(run.uid.clone(), run);
            }
        }
    }

    /// Everything was read once: no Job of the remaining restored runs exists.
    pub(super) fn forget_restored(&mut self) {
        self.restored = HashMap::new();
    }

    /// The run of an owner.
    pub(super) fn get(&self, owner: &Uid) -> Option<&OwnerRun> {
        self.runs.get(owner)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, owner: &Uid) -> Option<&mut OwnerRun> {
        self.runs.get_mut(owner)
    }

    /// All runs that are known.
    pub(super) fn iter(&self) -> impl Iterator<Item = &OwnerRun> {
        self.runs.values()
    }

    /// Takes note of the state of a Job of an owner. `is_new`: whether it was not known as one of its Jobs. If the run is new, the
    /// counters have `counted` of it. They count runs that ended after `since`.
    pub(super) fn apply(
        &mut self,
        observation: Observation,
        owner: &Uid,
        (uid_hash, job): (u64, &Job),
        is_new: bool,
        (counted, since): (Counted, Seconds),
    ) {
        let run = self.runs.entry(owner.clone()).or_insert_with(|| {
            let mut run = OwnerRun::new(job.workload_id(), counted);
            if let Some(earlier) = self.restored.remove(owner) {
                run.continue_from(earlier);
            }
            run
        });
        run.seen_unfinished |= !job.finished();
        let was_over = is_new && job.end().is_some_and(|end| end >= since);
        if was_over && run.counted == Counted::Nothing {
            run.not_before = Some(observation.now + self.settling_time);
        }
        run.count_since = run.count_since.max(observation.count_since);
        let changed = run.jobs.apply(uid_hash, job, is_new);
        let quiet_since = run.jobs.end();
        self.plan(owner, changed, quiet_since, observation);
    }

    /// A Job of an owner is gone.
    pub(super) fn remove(
        &mut self,
        observation: Observation,
        owner: &Uid,
        (uid_hash, job): (u64, &Job),
    ) {
        if let Some(run) = self.runs.get_mut(owner) {
            let changed = run.jobs.remove(uid_hash, job, observation.deletion);
            self.plan(owner, changed, None, observation);
        }
    }

    /// A Job of an owner is no longer selected, or belongs to another one. Returns the run if no other of its Jobs exists: then it is
    /// not known any more.
    pub(super) fn deselect(
        &mut self,
        observation: Observation,
        owner: &Uid,
        (uid_hash, job): (u64, &Job),
    ) -> Option<OwnerRun> {
        let run = self.runs.get_mut(owner)?;
        run.jobs.deselect(uid_hash, job);
        if run.jobs.exists() {
            self.plan(owner, !job.finished(), None, observation);
            return None;
        }
        self.set_deadline(owner, None);
        self.runs.remove(owner)
    }

    /// Takes a run that settles now, if there is any, with its uid and what its Jobs add up to. Runs of a namespace that cannot be read
    /// settle later: a Job may have followed. Forgets runs whose Jobs have been gone for long enough.
    pub(super) fn settle_next(
        &mut self,
        now: Instant,
        is_unreadable: &impl Fn(&str) -> bool,
    ) -> Option<(Uid, FoldResult)> {
        while self.is_due(now) {
            let (_, owner) = self.deadlines.pop_first()?;
            let Some(run) = self.runs.get_mut(&owner) else {
                continue;
            };
            run.deadline = None;
            if run.phase == Phase::Settled {
                self.runs.remove(&owner);
                continue;
            }
            if is_unreadable(&run.workload.namespace) {
                self.set_deadline(&owner, Some(now + RETRY));
                continue;
            }
            run.phase = Phase::Settled;
            let result = run.jobs.result(&owner);
            if !run.jobs.exists() {
                self.set_deadline(&owner, Some(now + UID_RETENTION));
            }
            return Some((owner, result));
        }
        None
    }

    /// Whether a run settles or is forgotten by now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let first = self.deadlines.first_key_value();
        first.is_some_and(|((at, _), _)| *at <= now)
    }

    /// Frees memory after a burst.
    pub(super) fn shrink(&mut self) {
        if self.runs.capacity() > 4 * (self.runs.len() + 1024) {
            self.runs.shrink_to(2 * self.runs.len());
        }
    }

    /// Plans what follows after a Job of the run changed. `changed`: whether the run may have another result. `quiet_since`: when
    /// the last Job ended, if that was not just now. A run that ended long ago settles at once.
    fn plan(
        &mut self,
        owner: &Uid,
        changed: bool,
        quiet_since: Option<Seconds>,
        observation: Observation,
    ) {
        let Some(run) = self.runs.get_mut(owner) else {
            return;
        };
        let Observation { now, date, .. } = observation;
        if run.jobs.is_unfinished() {
            run.phase = Phase::Open;
            self.set_deadline(owner, None);
        } else if changed {
            let passed = quiet_since.map_or(0, |since| date.saturating_sub(since));
            // If the clock of the server is ahead, no time has passed.
            let passed = Duration::from_secs(u64::try_from(passed).unwrap_or(0));
            let planned = run.deadline.filter(|_| run.phase == Phase::Settling);
            let at = now + self.settling_time.saturating_sub(passed);
            run.phase = Phase::Settling;
            let at = planned.map(|(planned, _)| planned).max(Some(at));
            let at = at.max(run.not_before);
            self.set_deadline(owner, at);
        } else if run.phase == Phase::Settled {
            let forgotten = (!run.jobs.exists()).then(|| now + UID_RETENTION);
            self.set_deadline(owner, forgotten);
        }
    }

    fn set_deadline(&mut self, owner: &Uid, at: Option<Instant>) {
        let Some(run) = self.runs.get_mut(owner) else {
            return;
        };
        if let Some(before) = run.deadline.take() {
            self.deadlines.remove(&before);
        }
        if let Some(at) = at {
            self.numbers += 1;
            let deadline = (at, self.numbers);
            run.deadline = Some(deadline);
            self.deadlines.insert(deadline, owner.clone());
        }
    }
}

// === impl OwnerRun ===

impl OwnerRun {
    fn new(workload: WorkloadId, counted: Counted) -> Self {
        Self {
            workload,
            jobs: JobFold::default(),
            phase: Phase::Open,
            deadline: None,
            not_before: None,
            settled: None,
            position: None,
            counted,
            seen_unfinished: false,
            count_since: None,
            active_since: None,
        }
    }

    /// Continues a run that an earlier process saw settle. That process counted it, unless it ended before counting began.
    fn continue_from(&mut self, earlier: Run) {
        self.counted = self.counted.max(Counted::Earlier);
        self.jobs.continue_from(&earlier);
        self.position
            .get_or_insert((earlier.created, earlier.start));
        self.settled.get_or_insert_with(|| Box::new(earlier));
    }

    /// Whether one of its Jobs exists.
    pub(super) fn exists(&self) -> bool {
        self.jobs.exists()
    }

    /// Where it stands among the active runs of its workload: its start. `None` if it is not active. Between two Jobs it stays
    /// active until it has settled.
    pub(super) fn active_order(&self) -> Option<Seconds> {
        let is_active = match self.phase {
            Phase::Open => self.jobs.is_active(),
            Phase::Settling => self.active_since.is_some(),
            Phase::Settled => false,
        };
        is_active.then(|| self.jobs.start().unwrap_or(Seconds::MAX))
    }

    /// Fixes and returns its position among the runs of the workload.
    pub(super) fn fix_position(&mut self) -> RunSortKey {
        let jobs = &self.jobs;
        let (created, start) = *self
            .position
            .get_or_insert_with(|| (jobs.created(), jobs.start()));
        RunSortKey::new(None, start, created)
    }

    /// The run as it settles now: that of its Jobs, with the position that it had when it settled before. `None` if that is no news.
    pub(super) fn news(&mut self, mut run: Run) -> Option<Run> {
        (run.created, run.start) = *self.position.get_or_insert((run.created, run.start));
        let Some(before) = &self.settled else {
            return Some(run);
        };
        if run.result == before.result && run.end <= before.end {
            return None;
        }
        // Jobs that an earlier process saw may be gone.
        run.jobs = run.jobs.max(before.jobs);
        run.succeeded_pods = run.succeeded_pods.max(before.succeeded_pods);
        run.failed_pods = run.failed_pods.max(before.failed_pods);
        Some(run)
    }

    /// The same after more became known of the pods of a finished Job; `None` if that changes nothing.
    pub(super) fn explained(&mut self, owner: &Uid, (uid_hash, job): (u64, &Job)) -> Option<Run> {
        if !self.jobs.explain(uid_hash, job) || self.phase != Phase::Settled {
            return None;
        }
        let FoldResult::Finished(run) = self.jobs.result(owner) else {
            return None;
        };
        let settled = self.settled.as_deref()?;
        let is_same = (run.result, run.end) == (settled.result, settled.end);
        let explained = Run {
            explanation: run.explanation,
            ..settled.clone()
        };
        (is_same && explained.explanation != settled.explanation).then_some(explained)
    }

    /// The hash of the uid of the Job that decided the run, if that is known.
    pub(super) fn deciding_job(&self) -> Option<u64> {
        self.jobs.uid_hash(&self.settled.as_ref()?.job_name)
    }
}
