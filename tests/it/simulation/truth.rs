//! What has to come out, reckoned from what the exporter could see, in the plainest way: every run is kept, and added up
//! when asked for.

use std::collections::{HashMap, HashSet};

use job_status_exporter::{
    model::{Change, CronJob, FeedId, Job, JobState, Name, Seconds, Uid, Update, WorkloadId},
    store::{TargetSnapshot, WorkloadRecord},
};

use super::world::ADOPTED;

/// What is in one place at a time: an object by namespace and name, with who told of it last.
type Places<T> = HashMap<(Name, Name), (T, FeedId)>;

#[derive(Clone)]
pub(crate) struct Truth {
    since: Seconds,
    retention: Seconds,
    feeds: usize,
    jobs: Places<Job>,
    cronjobs: Places<CronJob>,
    /// Seen by this process before they ended.
    under_way: HashSet<Uid>,
    /// Seen by this process to go before they ended.
    deleted: HashSet<Uid>,
    /// Seen to have ended.
    ended: HashSet<Uid>,
    workloads: HashMap<WorkloadId, Known>,
    listed: HashSet<FeedId>,
}

#[derive(Clone, Default)]
struct Known {
    /// Finished runs, and whether they count.
    runs: Vec<(Job, bool)>,
    deleted: u64,
    /// The last success that its `CronJob` told of, to this process and to earlier ones.
    success: Option<Seconds>,
    earlier_success: Option<Seconds>,
    /// Jobs and CronJobs of it.
    objects: usize,
    /// When the last of them went.
    left: Option<Seconds>,
}

impl Truth {
    pub(crate) fn new(since: Seconds, retention: Seconds, feeds: usize) -> Self {
        Self {
            since,
            retention,
            feeds,
            jobs: HashMap::new(),
            cronjobs: HashMap::new(),
            under_way: HashSet::new(),
            deleted: HashSet::new(),
            ended: HashSet::new(),
            workloads: HashMap::new(),
            listed: HashSet::new(),
        }
    }

    /// The same for the next process, after one that was killed at that time.
    pub(crate) fn restart(mut self, killed: Seconds) -> Self {
        for known in self.workloads.values_mut() {
            known.earlier_success = known.earlier_success.max(known.success.take());
            known.objects = 0;
            known.left = known.left.or(Some(killed));
        }
        Self {
            ended: self.ended,
            workloads: self.workloads,
            ..Self::new(self.since, self.retention, self.feeds)
        }
    }

    pub(crate) fn see(&mut self, now: Seconds, feed: FeedId, update: &Update) {
        match update {
            Update::Jobs(Change::Applied(job)) => self.show_job(now, feed, job),
            Update::Jobs(Change::Deleted(job)) => {
                let place = (job.namespace.clone(), job.name.clone());
                if self
                    .jobs
                    .get(&place)
                    .is_some_and(|(known, _)| known.uid == job.uid)
                {
                    self.show_job(now, feed, job);
                    self.lose_job(now, &place);
                }
            }
            Update::Jobs(Change::Replaced(jobs)) => {
                let place = |job: &Job| (job.namespace.clone(), job.name.clone());
                let listed: HashSet<_> = jobs.iter().map(place).collect();
                for job in jobs {
                    self.show_job(now, feed, job);
                }
                for place in missing(&self.jobs, feed, &listed) {
                    self.lose_job(now, &place);
                }
                self.listed.insert(feed);
            }
            Update::CronJobs(Change::Applied(cronjob)) => self.show_cronjob(now, feed, cronjob),
            Update::CronJobs(Change::Deleted(cronjob)) => {
                self.lose_cronjob(now, &(cronjob.namespace.clone(), cronjob.name.clone()));
            }
            Update::CronJobs(Change::Replaced(cronjobs)) => {
                let place = |cronjob: &CronJob| (cronjob.namespace.clone(), cronjob.name.clone());
                let listed: HashSet<_> = cronjobs.iter().map(place).collect();
                for cronjob in cronjobs {
                    self.show_cronjob(now, feed, cronjob);
                }
                for place in missing(&self.cronjobs, feed, &listed) {
                    self.lose_cronjob(now, &place);
                }
                self.listed.insert(feed);
            }
            Update::JobAbsent | Update::Contact | Update::Failed => {}
        }
    }

    fn show_job(&mut self, now: Seconds, feed: FeedId, job: &Job) {
        let place = (job.namespace.clone(), job.name.clone());
        if self
            .jobs
            .get(&place)
            .is_some_and(|(known, _)| known.uid != job.uid)
        {
            self.lose_job(now, &place);
        }
        let ended = self.ended.contains(&job.uid);
        if let Some((known, owner)) = self.jobs.get_mut(&place)
            && known.finished()
            && !job.finished()
        {
            *owner = feed;
            return;
        }
        let before = self.jobs.insert(place, (job.clone(), feed));
        let counts = self.under_way.contains(&job.uid) || job.end >= Some(self.since);
        let known = self.workload(now, of_job(job));
        known.objects += 1;
        if job.finished() && !ended {
            known.runs.push((job.clone(), counts));
        }
        if let Some((before, _)) = before {
            self.leave(now, &of_job(&before));
        }
        let seen = if job.finished() {
            &mut self.ended
        } else {
            &mut self.under_way
        };
        seen.insert(job.uid.clone());
    }

    fn lose_job(&mut self, now: Seconds, place: &(Name, Name)) {
        let (job, _) = self.jobs.remove(place).expect("it is there");
        let id = of_job(&job);
        if !self.ended.contains(&job.uid) && self.deleted.insert(job.uid) {
            self.workloads.get_mut(&id).expect("known").deleted += 1;
        }
        self.leave(now, &id);
    }

    fn show_cronjob(&mut self, now: Seconds, feed: FeedId, cronjob: &CronJob) {
        let place = (cronjob.namespace.clone(), cronjob.name.clone());
        let new = self
            .cronjobs
            .insert(place, (cronjob.clone(), feed))
            .is_none();
        let known = self.workload(now, of_cronjob(&cronjob.namespace, &cronjob.name));
        known.objects += usize::from(new);
        known.success = known.success.max(cronjob.last_success);
    }

    fn lose_cronjob(&mut self, now: Seconds, place: &(Name, Name)) {
        if self.cronjobs.remove(place).is_some() {
            self.leave(now, &of_cronjob(&place.0, &place.1));
        }
    }

    /// What is known of a workload that is there now. One that was away for too long begins anew.
    fn workload(&mut self, now: Seconds, id: WorkloadId) -> &mut Known {
        let known = self.workloads.entry(id).or_default();
        let away = known.left.take().map_or(0, |left| now - left);
        if away >= self.retention && self.listed.len() == self.feeds {
            *known = Known::default();
        }
        known
    }

    fn leave(&mut self, now: Seconds, id: &WorkloadId) {
        let known = self.workloads.get_mut(id).expect("known");
        known.objects -= 1;
        if known.objects == 0 {
            known.left = Some(now);
        }
    }

    /// Compares it all with what is shown. Says what differs.
    pub(crate) fn check(&self, now: Seconds, snapshot: &TargetSnapshot) -> Result<(), String> {
        let mut shown: HashMap<_, _> = snapshot
            .workloads
            .iter()
            .map(|workload| (workload.id.clone(), workload))
            .collect();
        let mut active: HashMap<WorkloadId, Vec<Seconds>> = HashMap::new();
        for (job, _) in self.jobs.values() {
            let at_work = !job.finished() && job.state != JobState::Suspended;
            if at_work && !self.ended.contains(&job.uid) {
                let start = job.start.unwrap_or(Seconds::MAX);
                active.entry(of_job(job)).or_default().push(start);
            }
        }
        for (id, known) in &self.workloads {
            let there = |left: Seconds| now < left + self.retention;
            let there = known.objects > 0 || known.left.is_some_and(there);
            let workload = shown.remove(id);
            // A Job that changes hands may be shown in its first ones after it is gone.
            if id.name.starts_with(ADOPTED) {
                continue;
            }
            if there != workload.is_some() {
                return Err(format!("{id:?} is to be shown: {there}"));
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
        let strange = shown.keys().find(|id| !id.name.starts_with(ADOPTED));
        strange.map_or(Ok(()), |id| Err(format!("{id:?} is not to be shown")))
    }

    pub(crate) fn runs(&self) -> usize {
        self.workloads.values().map(|known| known.runs.len()).sum()
    }
}

impl Known {
    fn describe(&self, active: &[Seconds]) -> String {
        let counted = |succeeded: bool| {
            let runs = self.runs.iter().filter(|(_, counts)| *counts);
            let runs = runs.map(|(job, _)| job);
            let durations: Vec<_> = runs
                .filter(|job| succeeded_well(job) == succeeded)
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
        let last = last.map(|job| (succeeded_well(job), job.start, job.end));
        let success = scheduled()
            .filter(|job| succeeded_well(job))
            .map(order)
            .max();
        let failures = scheduled().filter(|job| !succeeded_well(job));
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
        let ends = runs.filter(|job| succeeded_well(job)).map(|job| job.end);
        ends.max().flatten().max(self.success)
    }

    fn last_failure(&self) -> Option<Seconds> {
        let runs = self.runs.iter().map(|(job, _)| job);
        let ends = runs.filter(|job| !succeeded_well(job)).map(|job| job.end);
        ends.max().flatten()
    }
}

/// Longer rows of failures need not be exact.
const STREAK: usize = 32;

/// What is shown of a workload, in the form of [`Known::describe`].
#[allow(clippy::cast_possible_truncation, reason = "sums of whole seconds")]
fn describe(workload: &WorkloadRecord, known: &Known) -> String {
    let totals = &workload.totals;
    let count = |runs: u64, durations: &job_status_exporter::model::Histogram| {
        assert_eq!(runs, durations.count());
        (runs, durations.sum as Seconds)
    };
    let last = totals.last.as_ref();
    let last = last.map(|last| (last.succeeded, last.start, last.end));
    // What only a CronJob told, and only to an earlier process, may be known or not.
    let told_earlier = known.last_success().max(known.earlier_success);
    let success = totals.last_success;
    let success = if success == told_earlier {
        known.last_success()
    } else {
        success
    };
    if let Some((at, reason)) = totals.last_failure {
        let told = |(job, _): &(Job, bool)| job.end == Some(at) && job.failure == Some(reason);
        assert!(
            known.runs.iter().any(told),
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

fn succeeded_well(job: &Job) -> bool {
    job.state == JobState::Complete
}

fn order(job: &Job) -> (Option<Seconds>, Option<Seconds>, Option<Seconds>) {
    (job.due.or(job.start), job.start, job.created)
}

fn missing<T>(
    places: &Places<T>,
    feed: FeedId,
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
