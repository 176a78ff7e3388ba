//! The simulated cluster: every state of every object with its time, computed in advance.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use job_status_exporter::model::{
    Change, CronJob, FailureReason, Job, JobState, Name, Seconds, Uid, Update, WorkloadRef,
};

use super::schedules::ExpectedSchedule;

mod cronjob;

pub(crate) const MINUTE: Seconds = 60;
pub(crate) const HOUR: Seconds = 60 * MINUTE;
pub(crate) const DAY: Seconds = 24 * HOUR;

/// Start and end of the simulated month.
pub(crate) const BEGIN: Seconds = 1_795_000_000;
pub(crate) const END: Seconds = BEGIN + 30 * DAY;

/// Name prefix of Jobs whose workload changes while they run.
pub(crate) const ADOPTED: &str = "adopted-";

/// The states of an object with their times, and when it is deleted.
pub(crate) struct Life<T> {
    pub(crate) states: Vec<(Seconds, T)>,
    pub(crate) gone: Seconds,
}

pub(crate) struct World {
    pub(crate) jobs: Vec<Life<Job>>,
    cronjobs: Vec<Life<CronJob>>,
    /// The due times that got no run without any reason, by CronJob.
    pub(crate) skipped: BTreeSet<(Name, Seconds)>,
    /// The due times whose start the CronJob's status never reported.
    lost: BTreeSet<(Name, Seconds)>,
    /// The due times that got no run because an active one held them up, with the due time of that one.
    held_up: BTreeMap<(Name, Seconds), Seconds>,
    /// The due times of suspended CronJobs. Each is suspended once at most.
    suspended: BTreeSet<(Name, Seconds)>,
    /// The watch events of all objects, ordered by time.
    pub(crate) events: Vec<(Seconds, Event)>,
}

pub(crate) struct Event {
    pub(crate) namespace: Name,
    pub(crate) update: Update,
}

/// How a workload behaves.
struct Behaviour {
    namespace: Name,
    workload: WorkloadRef,
    period: Seconds,
    failing: f64,
    /// How long its finished Jobs are kept.
    kept: Seconds,
    /// When its last Job starts.
    until: Seconds,
    /// Whether a due run waits for the active one.
    forbid: bool,
    /// When its CronJob is suspended and resumed.
    suspended: Option<(Seconds, Seconds)>,
    first_due: Seconds,
}

impl<T: Clone> Life<T> {
    pub(super) fn at(&self, time: Seconds) -> Option<T> {
        if time < self.states[0].0 || self.gone <= time {
            return None;
        }
        let mut states = self.states.iter().rev();
        let (_, state) = states.find(|(from, _)| *from <= time)?;
        Some(state.clone())
    }

    fn add_events(
        &self,
        namespace: &Name,
        update: impl Fn(Change<T>) -> Update,
        events: &mut Vec<(Seconds, Event)>,
    ) {
        let mut add = |time, change| {
            let (namespace, update) = (namespace.clone(), update(change));
            events.push((time, Event { namespace, update }));
        };
        for (time, state) in &self.states {
            add(*time, Change::Applied(state.clone()));
        }
        if let Some((_, last)) = self.states.last() {
            add(self.gone, Change::Deleted(last.clone()));
        }
    }
}

impl World {
    pub(crate) fn new(rng: &mut Rng, workloads: usize) -> Self {
        let mut world = Self {
            jobs: Vec::new(),
            cronjobs: Vec::new(),
            skipped: BTreeSet::new(),
            lost: BTreeSet::new(),
            held_up: BTreeMap::new(),
            suspended: BTreeSet::new(),
            events: Vec::new(),
        };
        for number in 0..workloads {
            world.add_workload(rng, number);
        }
        for life in &world.jobs {
            life.add_events(
                life.states[0].1.namespace(),
                Update::Jobs,
                &mut world.events,
            );
        }
        for life in &world.cronjobs {
            let namespace = &life.states[0].1.namespace;
            life.add_events(namespace, Update::CronJobs, &mut world.events);
        }
        world.events.sort_by_key(|(time, _)| *time);
        world
    }

    /// Whether a due time may count as missed: it got no run, or one that no feed saw and no status reported. What held it up may be a run
    /// or a suspension that no feed saw either.
    pub(crate) fn may_be_missed(
        &self,
        due: &(Name, Seconds),
        observed: Option<&ExpectedSchedule>,
    ) -> bool {
        let by = self.held_up.get(due);
        let by_unseen_run = by.is_some_and(|by| !observed.is_some_and(|it| it.started(*by)));
        let unseen_suspension =
            self.suspended.contains(due) && !observed.is_some_and(ExpectedSchedule::was_suspended);
        self.skipped.contains(due) || self.lost.contains(due) || by_unseen_run || unseen_suspension
    }

    /// The Jobs in these namespaces at a time.
    pub(crate) fn jobs_at(&self, time: Seconds, within: &[&str]) -> Vec<Job> {
        let jobs = self.jobs.iter().filter_map(|life| life.at(time));
        jobs.filter(|job| within.contains(&&**job.namespace()))
            .collect()
    }

    pub(crate) fn cronjobs_at(&self, time: Seconds) -> Vec<CronJob> {
        let cronjobs = self.cronjobs.iter();
        cronjobs.filter_map(|life| life.at(time)).collect()
    }

    fn add_workload(&mut self, rng: &mut Rng, number: usize) {
        let (kind, scheduled) = match number % 10 {
            0..=6 => ("cronjob", true),
            7 => ("workflow", false),
            8 => ("group", false),
            _ => ("job", false),
        };
        let period = match rng.u8(..20) {
            0 => HOUR,
            _ => rng.i64(12 * HOUR..72 * HOUR),
        };
        // Some CronJobs are deleted half-way.
        let until = if scheduled && number % 20 == 3 {
            rng.i64(BEGIN..END)
        } else {
            END
        };
        let behaviour = Behaviour {
            namespace: format!("ns-{}", number % 4).into(),
            workload: WorkloadRef {
                kind: kind.into(),
                name: format!("workload-{number}").into(),
            },
            period,
            failing: [0.0, 0.1, 0.5, 0.97][rng.usize(..4)],
            kept: [0, 10 * MINUTE, DAY, 3 * period][rng.usize(..4)],
            until,
            forbid: scheduled && number % 4 == 2,
            suspended: (scheduled && number % 4 == 1).then(|| {
                let from = rng.i64(BEGIN..END - DAY);
                (from, from + rng.i64(MINUTE..5 * DAY))
            }),
            first_due: BEGIN - 3 * DAY + rng.i64(0..period),
        };
        let begun = self.jobs.len();
        behaviour.run(rng, self);
        if scheduled {
            let runs = &self.jobs[begun..];
            let reports_success = number.is_multiple_of(3);
            let cronjob = behaviour.cronjob(rng, runs, reports_success, &mut self.lost);
            self.cronjobs.push(cronjob);
        }
    }
}

impl Behaviour {
    fn run(&self, rng: &mut Rng, world: &mut World) {
        let standalone = &*self.workload.kind == "job";
        let mut due = self.first_due;
        let (mut free, mut busy, mut active) = (due, due, due);
        while due < self.until {
            // The controller starts a delayed run when the active one is over, unless a later one is due by then.
            let delayed = self.forbid && busy > due;
            let at = if delayed { busy + 1 } else { due };
            let superseded = delayed && at >= due + self.period;
            let suspended = |&(from, to): &(Seconds, Seconds)| from <= due && due <= to;
            let suspended = self.suspended.as_ref().is_some_and(suspended);
            if superseded || suspended {
                // No run, for a reason.
                let place = (self.workload.name.clone(), due);
                if suspended {
                    world.suspended.insert(place);
                } else {
                    world.held_up.insert(place, active);
                }
            } else if rng.u8(..30) == 0 {
                world.skipped.insert((self.workload.name.clone(), due));
            } else if !standalone || free <= due {
                // A name is free again when its Job is deleted.
                let life = self.job(rng, (due, at), false);
                free = life.gone;
                (busy, active) = (life.end(), due);
                world.jobs.push(life);
            }
            if rng.u8(..25) == 0 && !standalone {
                let at = due + rng.i64(1..self.period);
                world.jobs.push(self.job(rng, (at, at), true));
            }
            due += self.period;
        }
    }

    fn job(&self, rng: &mut Rng, (due, at): (Seconds, Seconds), manual: bool) -> Life<Job> {
        let uid = format!(
            "{:08x}-0000-4000-8000-{:012x}",
            rng.u32(..),
            rng.u64(..1 << 48)
        );
        let cronjob = &*self.workload.kind == "cronjob";
        let adopted = cronjob && !self.forbid && self.until == END && rng.u8(..50) == 0;
        let name: Name = match &*self.workload.kind {
            "job" => self.workload.name.clone(),
            _ if adopted => format!("{ADOPTED}{uid}").into(),
            _ => format!("{}-{}", self.workload.name, &uid[..8]).into(),
        };
        let mut now = at + rng.i64(0..4);
        let mut job = Job {
            due: (cronjob && !manual).then_some(due).into(),
            manual,
            created: Some(now).into(),
            ..Job::new(
                self.namespace.clone(),
                (&*name).into(),
                Uid::parse(&uid),
                self.workload.clone(),
            )
        }
        .with_template(|template| {
            template.ttl = rng.bool().then(|| i32::try_from(self.kept).unwrap());
        });
        let mut states = Vec::new();
        if adopted {
            let own = WorkloadRef {
                kind: "job".into(),
                name,
            };
            states.push((now, job.clone().with_workload(own)));
            now += 1;
        }
        let pauses = usize::from(rng.u8(..20) == 0) * rng.usize(1..3);
        for _ in 0..pauses {
            (job.state, job.start) = (JobState::Suspended, None.into());
            states.push((now, job.clone()));
            now += rng.i64(1..self.period);
            if rng.bool() {
                (job.state, job.start) = (JobState::Running, Some(now).into());
                states.push((now, job.clone()));
                now += rng.i64(1..HOUR);
            }
        }
        (job.state, job.start) = (JobState::Pending, None.into());
        states.push((now, job.clone()));
        now += rng.i64(0..3);
        job.start = Some(now).into();
        states.push((now, job.clone()));
        self.finish(rng, now, job, states)
    }

    fn finish(
        &self,
        rng: &mut Rng,
        mut now: Seconds,
        mut job: Job,
        mut states: Vec<(Seconds, Job)>,
    ) -> Life<Job> {
        now += rng.i64(1..30);
        job.state = JobState::Running;
        states.push((now, job.clone()));
        // Some overlap with the next ones and end after them.
        let longest = if rng.u8(..12) == 0 {
            4 * self.period
        } else {
            self.period / 2
        };
        let end = now + rng.i64(0..longest);
        let retried = rng.i64(now..=end);
        job.pods.failed = 1;
        states.push((retried, job.clone()));
        if rng.u8(..25) == 0 {
            return Life { states, gone: end }; // deleted before it ended
        }
        let fails = rng.f64() < self.failing;
        job.state = if fails {
            JobState::Failing
        } else {
            JobState::Succeeding
        };
        states.push((end, job.clone()));
        let end = end + rng.i64(0..5);
        job.state_since = Some(end).into();
        job.state = if fails {
            JobState::Failed
        } else {
            JobState::Complete
        };
        let reasons = [
            FailureReason::BackoffLimitExceeded,
            FailureReason::DeadlineExceeded,
            FailureReason::PodFailurePolicy,
            FailureReason::Other,
        ];
        job.failure = fails.then(|| reasons[rng.usize(..4)]);
        states.push((end, job));
        let gone = end + self.kept;
        Life { states, gone }
    }
}

impl Life<Job> {
    /// When the Job finishes, or is deleted before.
    fn end(&self) -> Seconds {
        let last = self.states.last().and_then(|(_, job)| job.end());
        last.map_or(self.gone, |end| end.min(self.gone))
    }
}
