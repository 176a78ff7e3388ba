//! The expected state of the exporter, computed from all updates in the simplest way: it keeps every run, and adds them up
//! for each check.

use std::collections::{HashMap, HashSet};

use job_status_exporter::{
    model::{Change, CronJob, Job, JobState, Name, Seconds, Uid, Update, WorkloadId},
    store::{TargetSnapshot, WorkloadRecord},
};

use super::world::ADOPTED;

/// Objects by namespace and name, each with the feed that saw it last.
type ObjectMap<T> = HashMap<(Name, Name), (T, usize)>;

#[derive(Clone)]
pub(crate) struct ExpectedState {
    since: Seconds,
    retention: Seconds,
    feeds: usize,
    jobs: ObjectMap<Job>,
    cronjobs: ObjectMap<CronJob>,
    /// Jobs that this process saw before they finished.
    active: HashSet<Uid>,
    /// Jobs that were deleted before they finished, as far as this process saw it.
    deleted: HashSet<Uid>,
    /// Finished Jobs of all processes.
    finished: HashSet<Uid>,
    workloads: HashMap<WorkloadId, ExpectedWorkload>,
    listed: HashSet<usize>,
}

#[derive(Clone, Default)]
struct ExpectedWorkload {
    /// Finished runs, and whether they are counted.
    runs: Vec<(Job, bool)>,
    deleted: u64,
    /// The last success that the `CronJob` reported, to this process and to earlier ones.
    success: Option<Seconds>,
    earlier_success: Option<Seconds>,
    /// Number of its Jobs and CronJobs.
    objects: usize,
    /// When the last of them was deleted.
    left: Option<Seconds>,
}

impl ExpectedState {
    pub(crate) fn new(since: Seconds, retention: Seconds, feeds: usize) -> Self {
        Self {
            since,
            retention,
            feeds,
            jobs: HashMap::new(),
            cronjobs: HashMap::new(),
            active: HashSet::new(),
            deleted: HashSet::new(),
            finished: HashSet::new(),
            workloads: HashMap::new(),
            listed: HashSet::new(),
        }
    }

    /// The expected state of the next process, after this one was killed at that time.
    pub(crate) fn restart(mut self, killed: Seconds) -> Self {
        for known in self.workloads.values_mut() {
            known.earlier_success = known.earlier_success.max(known.success.take());
            known.objects = 0;
            known.left = known.left.or(Some(killed));
        }
        Self {
            finished: self.finished,
            workloads: self.workloads,
            ..Self::new(self.since, self.retention, self.feeds)
        }
    }

    pub(crate) fn push(&mut self, now: Seconds, feed: usize, update: &Update) {
        match update {
            Update::Jobs(Change::Applied(job)) => self.apply_job(now, feed, job),
            Update::Jobs(Change::Deleted(job)) => {
                let place = (job.namespace.clone(), job.name.clone());
                if self
                    .jobs
                    .get(&place)
                    .is_some_and(|(known, _)| known.uid == job.uid)
                {
                    self.apply_job(now, feed, job);
                    self.delete_job(now, &place);
                }
            }
            Update::Jobs(Change::Replaced(jobs)) => {
                let place = |job: &Job| (job.namespace.clone(), job.name.clone());
                let listed: HashSet<_> = jobs.iter().map(place).collect();
                for job in jobs {
                    self.apply_job(now, feed, job);
                }
                for place in missing(&self.jobs, feed, &listed) {
                    self.delete_job(now, &place);
                }
                self.listed.insert(feed);
            }
            Update::CronJobs(Change::Applied(cronjob)) => self.apply_cronjob(now, feed, cronjob),
            Update::CronJobs(Change::Deleted(cronjob)) => {
                self.delete_cronjob(now, &(cronjob.namespace.clone(), cronjob.name.clone()));
            }
            Update::CronJobs(Change::Replaced(cronjobs)) => {
                let place = |cronjob: &CronJob| (cronjob.namespace.clone(), cronjob.name.clone());
                let listed: HashSet<_> = cronjobs.iter().map(place).collect();
                for cronjob in cronjobs {
                    self.apply_cronjob(now, feed, cronjob);
                }
                for place in missing(&self.cronjobs, feed, &listed) {
                    self.delete_cronjob(now, &place);
                }
                self.listed.insert(feed);
            }
            Update::JobAbsent | Update::Contact | Update::Failed | Update::Undecodable(_) => {}
        }
    }

    fn apply_job(&mut self, now: Seconds, feed: usize, job: &Job) {
        let place = (job.namespace.clone(), job.name.clone());
        if self
            .jobs
            .get(&place)
            .is_some_and(|(known, _)| known.uid != job.uid)
        {
            self.delete_job(now, &place);
        }
        let finished_before = self.finished.contains(&job.uid);
        if let Some((known, owner)) = self.jobs.get_mut(&place)
            && known.finished()
            && !job.finished()
        {
            *owner = feed;
            return;
        }
        let before = self.jobs.insert(place, (job.clone(), feed));
        let counts = self.active.contains(&job.uid) || job.end >= Some(self.since);
        let known = self.workload(now, of_job(job));
        known.objects += 1;
        if job.finished() && !finished_before {
            known.runs.push((job.clone(), counts));
        }
        if let Some((before, _)) = before {
            self.remove_object(now, &of_job(&before));
        }
        let seen = if job.finished() {
            &mut self.finished
        } else {
            &mut self.active
        };
        seen.insert(job.uid.clone());
    }

    fn delete_job(&mut self, now: Seconds, place: &(Name, Name)) {
        let (job, _) = self.jobs.remove(place).expect("it is there");
        let id = of_job(&job);
        if !self.finished.contains(&job.uid) && self.deleted.insert(job.uid) {
            self.workloads.get_mut(&id).expect("known").deleted += 1;
        }
        self.remove_object(now, &id);
    }

    fn apply_cronjob(&mut self, now: Seconds, feed: usize, cronjob: &CronJob) {
        let place = (cronjob.namespace.clone(), cronjob.name.clone());
        let new = self
            .cronjobs
            .insert(place, (cronjob.clone(), feed))
            .is_none();
        let known = self.workload(now, of_cronjob(&cronjob.namespace, &cronjob.name));
        known.objects += usize::from(new);
        known.success = known.success.max(cronjob.last_success);
    }

    fn delete_cronjob(&mut self, now: Seconds, place: &(Name, Name)) {
        if self.cronjobs.remove(place).is_some() {
            self.remove_object(now, &of_cronjob(&place.0, &place.1));
        }
    }

    /// A workload that exists now. It restarts from zero if it was gone for too long.
    fn workload(&mut self, now: Seconds, id: WorkloadId) -> &mut ExpectedWorkload {
        let known = self.workloads.entry(id).or_default();
        let away = known.left.take().map_or(0, |left| now - left);
        if away >= self.retention && self.listed.len() == self.feeds {
            *known = ExpectedWorkload::default();
        }
        known
    }

    fn remove_object(&mut self, now: Seconds, id: &WorkloadId) {
        let known = self.workloads.get_mut(id).expect("known");
        known.objects -= 1;
        if known.objects == 0 {
            known.left = Some(now);
        }
    }

    /// Compares the expected state with a snapshot. Returns the first difference.
    pub(crate) fn check(&self, now: Seconds, snapshot: &TargetSnapshot) -> Result<(), String> {
        let mut shown: HashMap<_, _> = snapshot
            .workloads
            .iter()
            .map(|workload| (workload.id.clone(), workload))
            .collect();
        let mut active: HashMap<WorkloadId, Vec<Seconds>> = HashMap::new();
        for (job, _) in self.jobs.values() {
            let at_work = !job.finished() && job.state != JobState::Suspended;
            if at_work && !self.finished.contains(&job.uid) {
                let start = job.start.unwrap_or(Seconds::MAX);
                active.entry(of_job(job)).or_default().push(start);
            }
        }
        for (id, known) in &self.workloads {
            let there = |left: Seconds| now < left + self.retention;
            let there = known.objects > 0 || known.left.is_some_and(there);
            let workload = shown.remove(id);
            // A Job that changes its workload may be shown in the old one after it is deleted.
            if id.name.starts_with(ADOPTED) {
                continue;
            }
            if there != workload.is_some() {
                return Err(format!("{id:?} should be shown: {there}"));
            }
            if let Some(workload) = workload {
                let starts = active.remove(id).unwrap_or_default();
                let expected = known.describe(&starts);
                let actual = describe(workload, known);
                if actual != expected {
                    return Err(format!("{id:?}:\nshown    {actual}\nexpected {expected}"));
                }
            }
        }
        let unexpected = shown.keys().find(|id| !id.name.starts_with(ADOPTED));
        unexpected.map_or(Ok(()), |id| Err(format!("{id:?} should not be shown")))
    }

    pub(crate) fn runs(&self) -> usize {
        self.workloads.values().map(|known| known.runs.len()).sum()
    }
}

impl ExpectedWorkload {
    fn describe(&self, active: &[Seconds]) -> String {
        let counted = |succeeded: bool| {
            let runs = self.runs.iter().filter(|(_, counts)| *counts);
            let runs = runs.map(|(job, _)| job);
            let durations: Vec<_> = runs
                .filter(|job| has_succeeded(job) == succeeded)
                .map(|job| job.end.unwrap() - job.start.unwrap())
                .collect();
            (durations.len(), durations.iter().sum::<Seconds>())
        };
        let delays = self.runs.iter().filter(|(_, counts)| *counts);
        let delays = delays.filter_map(|(job, _)| Some(job.start? - job.due?));
        let scheduled = || {
            self.runs
                .iter()
                .map(|(job, _)| job)
                .filter(|job| !job.manual)
        };
        let last = scheduled().max_by_key(|job| order(job));
        let last = last.map(|job| (has_succeeded(job), job.start, job.end));
        let success = scheduled()
            .filter(|job| has_succeeded(job))
            .map(order)
            .max();
        let failures = scheduled().filter(|job| !has_succeeded(job));
        let streak = failures.filter(|job| Some(order(job)) > success).count();
        format!(
            "{:?} {:?} deleted {} delays {} last {last:?} success {:?} failure {:?} streak {} active {} oldest {:?}",
            counted(true),
            counted(false),
            self.deleted,
            delays.sum::<Seconds>(),
            self.last_success(),
            self.last_failure(),
            streak.min(STREAK),
            active.len(),
            active.iter().min().filter(|start| **start != Seconds::MAX),
        )
    }

    fn last_success(&self) -> Option<Seconds> {
        let runs = self.runs.iter().map(|(job, _)| job);
        let ends = runs.filter(|job| has_succeeded(job)).map(|job| job.end);
        ends.max().flatten().max(self.success)
    }

    fn last_failure(&self) -> Option<Seconds> {
        let runs = self.runs.iter().map(|(job, _)| job);
        let ends = runs.filter(|job| !has_succeeded(job)).map(|job| job.end);
        ends.max().flatten()
    }
}

/// Longer sequences of failures need not be exact.
const STREAK: usize = 32;

/// The shown values of a workload, in the form of [`ExpectedWorkload::describe`].
#[allow(clippy::cast_possible_truncation, reason = "sums of whole seconds")]
fn describe(workload: &WorkloadRecord, known: &ExpectedWorkload) -> String {
    let totals = &workload.totals;
    let count = |runs: u64, durations: &job_status_exporter::model::Histogram| {
        assert_eq!(runs, durations.count());
        (runs, durations.sum as Seconds)
    };
    let last = totals.last.as_ref();
    let last = last.map(|last| (last.succeeded, last.start, last.end));
    // A success that only a CronJob reported, and only to an earlier process, may be lost.
    let reported_earlier = known.last_success().max(known.earlier_success);
    let success = totals.last_success;
    let success = if success == reported_earlier {
        known.last_success()
    } else {
        success
    };
    if let Some((at, reason)) = totals.last_failure {
        let reported = |(job, _): &(Job, bool)| job.end == Some(at) && job.failure == Some(reason);
        assert!(
            known.runs.iter().any(reported),
            "failed with {reason:?} at {at}"
        );
    }
    format!(
        "{:?} {:?} deleted {} delays {} last {last:?} success {success:?} failure {:?} streak {} active {} oldest {:?}",
        count(totals.succeeded, &totals.success_durations),
        count(totals.failed, &totals.failure_durations),
        totals.deleted,
        totals.start_delays.sum as Seconds,
        totals.last_failure.map(|(at, _)| at),
        totals.consecutive_failures.count.min(STREAK as u64),
        workload.active_runs(),
        workload.oldest_active_start().as_ref(),
    )
}

fn has_succeeded(job: &Job) -> bool {
    job.state == JobState::Complete
}

fn order(job: &Job) -> (Option<Seconds>, Option<Seconds>, Option<Seconds>) {
    (job.due.or(job.start), job.start, job.created)
}

fn missing<T>(
    places: &ObjectMap<T>,
    feed: usize,
    listed: &HashSet<(Name, Name)>,
) -> Vec<(Name, Name)> {
    let own = places.iter().filter(|(_, (_, owner))| *owner == feed);
    own.map(|(place, _)| place.clone())
        .filter(|place| !listed.contains(place))
        .collect()
}

fn of_job(job: &Job) -> WorkloadId {
    WorkloadId {
        namespace: job.namespace.clone(),
        kind: job.workload.kind.clone(),
        name: job.workload.name.clone(),
    }
}

fn of_cronjob(namespace: &Name, name: &Name) -> WorkloadId {
    WorkloadId {
        namespace: namespace.clone(),
        kind: "cronjob".into(),
        name: name.clone(),
    }
}
