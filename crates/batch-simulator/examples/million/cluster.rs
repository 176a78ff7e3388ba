//! The objects as a few numbers each, and the changes since the start that watches read.

use std::{collections::VecDeque, num::NonZeroU32};

/// The number of namespaces. A `CronJob` and its Jobs are in one of them.
pub(crate) const NAMESPACES: u32 = 20;

/// One of this many Jobs is active at the start: the newest ones of each `CronJob`.
const ACTIVE: u32 = 10;

/// A kind of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Job,
    CronJob,
    Pod,
}

/// A Job: one run of a `CronJob`. Times are seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) version: u64,
    pub(crate) cronjob: u32,
    /// The number among the runs of its `CronJob`.
    pub(crate) number: u32,
    pub(crate) started: u32,
    pub(crate) ended: Option<NonZeroU32>,
}

/// A `CronJob`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CronJob {
    pub(crate) version: u64,
    pub(crate) number: u32,
    pub(crate) last_schedule: u32,
    pub(crate) last_success: u32,
    pub(crate) active: u32,
}

/// One object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Job(Job),
    CronJob(CronJob),
    /// The pod of this Job.
    Pod(Job),
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Added,
    Modified,
    Deleted,
}

/// A change. Its version is that of its object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) event: Event,
    pub(crate) object: Object,
}

/// A place in the order of keys: by namespace, `CronJob` and run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) rank: u32,
    pub(crate) number: u32,
}

/// How many objects there are, and how they change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) jobs: u32,
    pub(crate) cronjobs: u32,
    /// Only this many `CronJobs` have new, ended and deleted runs.
    pub(crate) churning: u32,
    /// The number of changes that are remembered. Older versions are expired for watches.
    pub(crate) history: usize,
}

/// All objects.
#[derive(Debug)]
pub(crate) struct Cluster {
    size: Size,
    workloads: Vec<Workload>,
    /// The numbers of the `CronJobs` in the order of keys.
    order: Vec<u32>,
    version: u64,
    changes: VecDeque<Change>,
    /// The `CronJobs` whose turn it is to have a run added, ended and deleted.
    turns: [u32; 3],
}

/// A `CronJob` and its Jobs, the oldest first.
#[derive(Debug)]
struct Workload {
    cronjob: CronJob,
    jobs: VecDeque<Job>,
    next: u32,
}

// === impl Object ===

impl Object {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Job(_) => Kind::Job,
            Self::CronJob(_) => Kind::CronJob,
            Self::Pod(_) => Kind::Pod,
        }
    }

    pub(crate) fn version(&self) -> u64 {
        match self {
            Self::Job(job) | Self::Pod(job) => job.version,
            Self::CronJob(cronjob) => cronjob.version,
        }
    }
}

// === impl Position ===

impl Position {
    /// The place after this object.
    pub(crate) fn after(self) -> Self {
        Self {
            number: self.number + 1,
            ..self
        }
    }
}

// === impl Cluster ===

impl Cluster {
    /// A cluster at the time `now`. Each `CronJob` had a run every minute.
    pub(crate) fn new(size: Size, now: u32) -> Self {
        let namespace = |number: &u32| (number % NAMESPACES, *number);
        let mut order: Vec<u32> = (0..size.cronjobs).collect();
        order.sort_by_key(namespace);
        let mut cluster = Self {
            size,
            workloads: Vec::new(),
            order,
            // etcd begins with a few objects of its own.
            version: 1_000,
            changes: VecDeque::new(),
            turns: [0; 3],
        };
        for number in 0..size.cronjobs {
            let jobs = size.jobs / size.cronjobs + u32::from(number < size.jobs % size.cronjobs);
            let workload = cluster.workload(number, jobs, now);
            cluster.workloads.push(workload);
        }
        cluster
    }

    fn workload(&mut self, cronjob: u32, jobs: u32, now: u32) -> Workload {
        let active = jobs / ACTIVE;
        let job = |number: u32, version| {
            let started = now - 60 * (jobs - number) - cronjob % 60;
            let ended = NonZeroU32::new(started + 20 + (cronjob + number) % 40);
            Job {
                version,
                cronjob,
                number,
                started,
                ended: ended.filter(|_| number < jobs - active),
            }
        };
        let jobs: VecDeque<Job> = (0..jobs)
            .map(|number| job(number, self.next_version()))
            .collect();
        let last = jobs.iter().rev().find_map(|job| job.ended);
        Workload {
            cronjob: CronJob {
                version: self.next_version(),
                number: cronjob,
                last_schedule: jobs.back().map_or(now, |job| job.started),
                last_success: last.map_or(now, NonZeroU32::get),
                active,
            },
            next: u32::try_from(jobs.len()).unwrap_or(u32::MAX),
            jobs,
        }
    }

    /// The version of the last change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The number of objects of this kind.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Job | Kind::Pod => self.workloads.iter().map(|one| one.jobs.len()).sum(),
            Kind::CronJob => self.workloads.len(),
        }
    }

    /// The objects of `kind` at and after `from` with their places, in the order of keys.
    pub(crate) fn objects(
        &self,
        kind: Kind,
        from: Position,
    ) -> Box<dyn Iterator<Item = (Position, Object)> + '_> {
        let ranks = (from.rank..).zip(self.order.iter().skip(from.rank as usize));
        let workloads = ranks.map(|(rank, number)| (rank, &self.workloads[*number as usize]));
        // How many runs of the first CronJob come before `from`.
        let start = move |rank| if rank == from.rank { from.number } else { 0 };
        match kind {
            Kind::CronJob => Box::new(
                workloads
                    .map(|(rank, workload)| {
                        (
                            Position { rank, number: 0 },
                            Object::CronJob(workload.cronjob),
                        )
                    })
                    .filter(move |(position, _)| *position >= from),
            ),
            Kind::Pod => {
                let jobs = self.objects(Kind::Job, from);
                Box::new(jobs.filter_map(|(position, object)| match object {
                    Object::Job(job) => Some((position, Object::Pod(job))),
                    Object::CronJob(_) | Object::Pod(_) => None,
                }))
            }
            Kind::Job => Box::new(workloads.flat_map(move |(rank, workload)| {
                let jobs = &workload.jobs;
                let first = jobs.partition_point(|job| job.number < start(rank));
                jobs.range(first..).map(move |job| {
                    let number = job.number;
                    (Position { rank, number }, Object::Job(*job))
                })
            })),
        }
    }

    /// The changes after `version`, oldest first. `None` if they are no longer remembered.
    pub(crate) fn changes_since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        let missing = usize::try_from(self.version.saturating_sub(version)).ok()?;
        let start = self.changes.len().checked_sub(missing)?;
        Some(self.changes.range(start..))
    }

    /// Starts a run of the next `CronJob`.
    pub(crate) fn add(&mut self, now: u32) {
        let Some(number) = self.turn(0, |_| true) else {
            return;
        };
        let version = self.next_version();
        let workload = &mut self.workloads[number as usize];
        let job = Job {
            version,
            cronjob: number,
            number: workload.next,
            started: now,
            ended: None,
        };
        workload.next += 1;
        workload.jobs.push_back(job);
        workload.cronjob.active += 1;
        workload.cronjob.last_schedule = now;
        self.record(Event::Added, Object::Job(job));
        self.record_cronjob(number);
    }

    /// Ends the oldest active run of the next `CronJob` that has one.
    pub(crate) fn end(&mut self, now: u32) {
        let active = |job: &Job| job.ended.is_none();
        let Some(number) = self.turn(1, |workload| workload.cronjob.active > 0) else {
            return;
        };
        let version = self.next_version();
        let workload = &mut self.workloads[number as usize];
        let Some(job) = workload.jobs.iter_mut().find(|job| active(job)) else {
            return;
        };
        job.ended = NonZeroU32::new(now);
        job.version = version;
        let job = *job;
        workload.cronjob.active -= 1;
        workload.cronjob.last_success = now;
        self.record(Event::Modified, Object::Job(job));
        self.record_cronjob(number);
    }

    /// Deletes the oldest finished run of the next `CronJob` that has one.
    pub(crate) fn delete(&mut self) {
        let finished =
            |workload: &Workload| workload.jobs.iter().position(|job| job.ended.is_some());
        let Some(number) = self.turn(2, |workload| finished(workload).is_some()) else {
            return;
        };
        let version = self.next_version();
        let workload = &mut self.workloads[number as usize];
        let job = finished(workload).and_then(|place| workload.jobs.remove(place));
        if let Some(job) = job {
            let job = Job { version, ..job };
            self.record(Event::Deleted, Object::Job(job));
        }
    }

    /// The `CronJob` whose turn it is: the next one for which `suits` holds.
    fn turn(&mut self, turn: usize, suits: impl Fn(&Workload) -> bool) -> Option<u32> {
        let churning = self.size.churning.min(self.size.cronjobs);
        let start = self.turns[turn];
        let mut candidates = (0..churning).map(|step| (start + step) % churning);
        let number = candidates.find(|number| suits(&self.workloads[*number as usize]))?;
        self.turns[turn] = (number + 1) % churning;
        Some(number)
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn record_cronjob(&mut self, number: u32) {
        let version = self.next_version();
        let cronjob = &mut self.workloads[number as usize].cronjob;
        cronjob.version = version;
        let object = Object::CronJob(*cronjob);
        self.record(Event::Modified, object);
    }

    /// Remembers a change. Each version after the start has one.
    fn record(&mut self, event: Event, object: Object) {
        if self.changes.len() >= self.size.history {
            self.changes.pop_front();
        }
        self.changes.push_back(Change { event, object });
    }
}

#[cfg(test)]
mod tests;
