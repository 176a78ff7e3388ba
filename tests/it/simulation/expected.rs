//! The expected state of the exporter, computed from all updates in the simplest way: it keeps every run, and adds them up
//! for each check.

use std::collections::{HashMap, HashSet};

use job_status_exporter::{
    model::{Change, CronJob, Departure, Job, JobState, Name, Seconds, Uid, Update, WorkloadId},
    store::{StoreSettings, TargetSnapshot},
};

mod judging;

use super::{description::describe, schedules::ExpectedSchedule, world::ADOPTED};

/// Objects by namespace and name, each with the feed that saw it last.
type ObjectMap<T> = HashMap<(Name, Name), (T, usize)>;

#[derive(Clone)]
pub(crate) struct ExpectedState {
    since: Seconds,
    /// How long workloads stay.
    retention: fn(Departure) -> Seconds,
    feeds: usize,
    jobs: ObjectMap<Job>,
    /// Finished Jobs that are deleted and still shown, with the end of that. A list that is behind may have them again.
    retained: HashMap<(Name, Name), (Job, Seconds)>,
    cronjobs: ObjectMap<CronJob>,
    /// Jobs that this process saw before they finished.
    active: HashSet<Uid>,
    /// Jobs that were deleted before they finished, as far as this process saw it.
    deleted: HashSet<Uid>,
    /// Finished Jobs of all processes.
    finished: HashSet<Uid>,
    workloads: HashMap<WorkloadId, ExpectedWorkload>,
    listed: HashSet<usize>,
    /// What the lists that did not end have had so far.
    in_lists: HashMap<usize, HashSet<(Name, Name)>>,
    /// Until when each feed received everything.
    caught_up: HashMap<usize, Seconds>,
    judged: Option<Seconds>,
}

#[derive(Clone, Default)]
pub(super) struct ExpectedWorkload {
    /// Finished runs, and whether they are counted.
    pub(super) runs: Vec<(Job, bool)>,
    pub(super) deleted: u64,
    /// Scheduled runs whose deletion was seen before they finished.
    pub(super) deleted_runs: Vec<Job>,
    pub(super) schedule: ExpectedSchedule,
    /// The last success that the `CronJob` reported, to this process and to earlier ones.
    pub(super) success: Option<Seconds>,
    pub(super) earlier_success: Option<Seconds>,
    /// Number of its Jobs and CronJobs.
    pub(super) objects: usize,
    /// When and how the last of them was deleted.
    pub(super) left: Option<(Seconds, Departure)>,
    pub(super) cronjob_deleted: bool,
}

impl ExpectedState {
    pub(crate) fn new(since: Seconds, retention: fn(Departure) -> Seconds, feeds: usize) -> Self {
        Self {
            since,
            retention,
            feeds,
            jobs: HashMap::new(),
            retained: HashMap::new(),
            cronjobs: HashMap::new(),
            active: HashSet::new(),
            deleted: HashSet::new(),
            finished: HashSet::new(),
            workloads: HashMap::new(),
            listed: HashSet::new(),
            in_lists: HashMap::new(),
            caught_up: HashMap::new(),
            judged: None,
        }
    }

    /// The expected state of the next process, after this one was killed at that time.
    pub(crate) fn restart(mut self, killed: Seconds) -> Self {
        for known in self.workloads.values_mut() {
            known.earlier_success = known.earlier_success.max(known.success.take());
            known.objects = 0;
            known.left = known.left.or(Some((killed, Departure::Cleanup)));
            known.cronjob_deleted = false;
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
                let place = (job.namespace().clone(), job.name.to_shared());
                if self
                    .jobs
                    .get(&place)
                    .is_some_and(|(known, _)| known.uid == job.uid)
                {
                    self.apply_job(now, feed, job);
                    self.delete_job(now, &place, true);
                }
            }
            Update::Jobs(Change::ListStarted) | Update::CronJobs(Change::ListStarted) => {
                self.in_lists.remove(&feed);
            }
            Update::Jobs(Change::Listed(jobs)) => self.list_jobs(now, feed, jobs),
            Update::Jobs(Change::Replaced(jobs)) => {
                self.list_jobs(now, feed, jobs);
                let listed = self.in_lists.remove(&feed).unwrap_or_default();
                for place in missing(&self.jobs, feed, &listed) {
                    self.delete_job(now, &place, false);
                }
                self.listed.insert(feed);
            }
            Update::CronJobs(Change::Applied(cronjob)) => self.apply_cronjob(now, feed, cronjob),
            Update::CronJobs(Change::Deleted(cronjob)) => {
                self.delete_cronjob(now, &(cronjob.namespace.clone(), cronjob.name.clone()));
            }
            Update::CronJobs(Change::Listed(cronjobs)) => self.list_cronjobs(now, feed, cronjobs),
            Update::CronJobs(Change::Replaced(cronjobs)) => {
                self.list_cronjobs(now, feed, cronjobs);
                let listed = self.in_lists.remove(&feed).unwrap_or_default();
                for place in missing(&self.cronjobs, feed, &listed) {
                    self.delete_cronjob(now, &place);
                }
                self.listed.insert(feed);
            }
            Update::CaughtUp(until) => {
                self.caught_up.insert(feed, until.as_second());
            }
            Update::Namespaces(_)
            | Update::Pods(_)
            | Update::JobAbsent
            | Update::Contact
            | Update::Failed(_)
            | Update::Undecodable(_) => {}
        }
        self.judge_schedules(now, update);
    }

    fn list_jobs(&mut self, now: Seconds, feed: usize, jobs: &[Job]) {
        for job in jobs {
            let place = (job.namespace().clone(), job.name.to_shared());
            self.in_lists.entry(feed).or_default().insert(place);
            self.apply_job(now, feed, job);
        }
    }

    fn list_cronjobs(&mut self, now: Seconds, feed: usize, cronjobs: &[CronJob]) {
        for cronjob in cronjobs {
            let place = (cronjob.namespace.clone(), cronjob.name.clone());
            self.in_lists.entry(feed).or_default().insert(place);
            self.apply_cronjob(now, feed, cronjob);
        }
    }

    fn apply_job(&mut self, now: Seconds, feed: usize, job: &Job) {
        let place = (job.namespace().clone(), job.name.to_shared());
        if self
            .jobs
            .get(&place)
            .is_some_and(|(known, _)| known.uid != job.uid)
        {
            self.delete_job(now, &place, false);
        }
        let finished_before = self.finished.contains(&job.uid);
        if let Some((known, owner)) = self.jobs.get_mut(&place)
            && known.finished()
            && !job.finished()
        {
            *owner = feed;
            return;
        }
        let retained = self.retained.remove(&place);
        let retained = retained.filter(|(known, until)| known.uid == job.uid && now < *until);
        let job = match &retained {
            Some((known, _)) if !job.finished() => known,
            _ => job,
        };
        let before = self.jobs.insert(place, (job.clone(), feed));
        let counts = self.active.contains(&job.uid) || job.end() >= Some(self.since);
        let known = self.workload(now, of_job(job));
        known.objects += 1;
        if let Some(due) = job
            .due
            .get()
            .filter(|_| **job.workload_kind() == *"cronjob")
        {
            known.schedule.start(due);
        }
        if job.finished() && !finished_before {
            known.runs.push((job.clone(), counts));
        }
        if let Some((before, _)) = before {
            self.remove_object(now, &of_job(&before), Departure::Cleanup);
        }
        let seen = if job.finished() {
            &mut self.finished
        } else {
            &mut self.active
        };
        seen.insert(job.uid.clone());
    }

    fn delete_job(&mut self, now: Seconds, place: &(Name, Name), seen: bool) {
        let (job, _) = self.jobs.remove(place).expect("it is there");
        let id = of_job(&job);
        if job.finished() {
            let until = now + retain_deleted();
            self.retained.insert(place.clone(), (job.clone(), until));
        }
        let expires = job.template.ttl.zip(job.end());
        let expires = expires.map(|(ttl, end)| end + Seconds::from(ttl));
        let departure = match expires {
            Some(expires) if expires <= now => Departure::Cleanup,
            _ => Departure::Deletion,
        };
        if !self.finished.contains(&job.uid) && self.deleted.insert(job.uid.clone()) {
            let known = self.workloads.get_mut(&id).expect("known");
            known.deleted += 1;
            known
                .deleted_runs
                .extend((seen && !job.manual).then_some(job));
        }
        self.remove_object(now, &id, departure);
    }

    fn apply_cronjob(&mut self, now: Seconds, feed: usize, cronjob: &CronJob) {
        let place = (cronjob.namespace.clone(), cronjob.name.clone());
        let new = self
            .cronjobs
            .insert(place, (cronjob.clone(), feed))
            .is_none();
        let known = self.workload(now, of_cronjob(&cronjob.namespace, &cronjob.name));
        known.objects += usize::from(new);
        known.cronjob_deleted = false;
        known.success = known.success.max(cronjob.last_success);
    }

    fn delete_cronjob(&mut self, now: Seconds, place: &(Name, Name)) {
        if self.cronjobs.remove(place).is_some() {
            let id = of_cronjob(&place.0, &place.1);
            self.workloads.get_mut(&id).expect("known").cronjob_deleted = true;
            self.remove_object(now, &id, Departure::Deletion);
        }
    }

    /// A workload that exists now. It restarts from zero if it was gone for too long.
    fn workload(&mut self, now: Seconds, id: WorkloadId) -> &mut ExpectedWorkload {
        let known = self.workloads.entry(id).or_default();
        let expired = |(left, departure)| now - left >= (self.retention)(departure);
        if known.left.take().is_some_and(expired) && self.listed.len() == self.feeds {
            *known = ExpectedWorkload::default();
        }
        known
    }

    fn remove_object(&mut self, now: Seconds, id: &WorkloadId, departure: Departure) {
        let known = self.workloads.get_mut(id).expect("known");
        known.objects -= 1;
        if known.objects == 0 {
            let departure = match &*id.kind {
                "job" => departure,
                _ if known.cronjob_deleted => Departure::Deletion,
                _ => Departure::Cleanup,
            };
            known.left = Some((now, departure));
        }
    }

    /// All due times that count as missed, with the names of their CronJobs.
    pub(crate) fn missed(&self) -> impl Iterator<Item = (Name, Seconds)> {
        let workloads = self.workloads.iter();
        workloads.flat_map(|(id, known)| {
            let missed = known.schedule.missed();
            missed.map(|due| (id.name.clone(), due))
        })
    }

    /// What was observed of the schedule of a `CronJob`.
    pub(crate) fn schedule(&self, cronjob: &Name) -> Option<&ExpectedSchedule> {
        let mut workloads = self.workloads.iter();
        let (_, known) = workloads.find(|(id, _)| id.name == *cronjob)?;
        Some(&known.schedule)
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
                let start = job.start.get().unwrap_or(Seconds::MAX);
                active.entry(of_job(job)).or_default().push(start);
            }
        }
        for (id, known) in &self.workloads {
            let there = |(left, departure)| now < left + (self.retention)(departure);
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
    job.workload_id()
}

fn of_cronjob(namespace: &Name, name: &Name) -> WorkloadId {
    WorkloadId {
        namespace: namespace.clone(),
        kind: "cronjob".into(),
        name: name.clone(),
    }
}

fn retain_deleted() -> Seconds {
    let retained = StoreSettings::default().retention.deleted.as_secs();
    Seconds::try_from(retained).unwrap()
}
