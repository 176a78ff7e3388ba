//! The simulated cluster: every state of every object with its time, computed in advance.

use std::collections::HashSet;

use fastrand::Rng;
use job_status_exporter::model::{
    Change, CronJob, FailureReason, Job, JobState, Name, Seconds, Uid, Update, WorkloadRef,
};

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
}

impl<T: Clone> Life<T> {
    fn at(&self, time: Seconds) -> Option<T> {
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
            events: Vec::new(),
        };
        for number in 0..workloads {
            world.add_workload(rng, number);
        }
        for life in &world.jobs {
            life.add_events(&life.states[0].1.namespace, Update::Jobs, &mut world.events);
        }
        for life in &world.cronjobs {
            let namespace = &life.states[0].1.namespace;
            life.add_events(namespace, Update::CronJobs, &mut world.events);
        }
        world.events.sort_by_key(|(time, _)| *time);
        world
    }

    /// The Jobs in these namespaces at a time.
    pub(crate) fn jobs_at(&self, time: Seconds, within: &[&str]) -> Vec<Job> {
        let jobs = self.jobs.iter().filter_map(|life| life.at(time));
        jobs.filter(|job| within.contains(&&*job.namespace))
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
        };
        let begun = self.jobs.len();
        behaviour.run(rng, &mut self.jobs);
        if scheduled {
            let runs = &self.jobs[begun..];
            self.cronjobs
                .push(behaviour.cronjob(runs, number.is_multiple_of(3)));
        }
    }
}

impl Behaviour {
    fn run(&self, rng: &mut Rng, jobs: &mut Vec<Life<Job>>) {
        let standalone = &*self.workload.kind == "job";
        let mut due = BEGIN - 3 * DAY + rng.i64(0..self.period);
        let mut free = due;
        while due < self.until {
            // A name is free again when its Job is deleted.
            if rng.u8(..30) > 0 && (!standalone || free <= due) {
                let life = self.job(rng, due, false);
                free = life.gone;
                jobs.push(life);
            }
            if rng.u8(..25) == 0 && !standalone {
                let at = due + rng.i64(1..self.period);
                jobs.push(self.job(rng, at, true));
            }
            due += self.period;
        }
    }

    fn job(&self, rng: &mut Rng, due: Seconds, manual: bool) -> Life<Job> {
        let uid = format!(
            "{:08x}-0000-4000-8000-{:012x}",
            rng.u32(..),
            rng.u64(..1 << 48)
        );
        let cronjob = &*self.workload.kind == "cronjob";
        let adopted = cronjob && self.until == END && rng.u8(..50) == 0;
        let name: Name = match &*self.workload.kind {
            "job" => self.workload.name.clone(),
            _ if adopted => format!("{ADOPTED}{uid}").into(),
            _ => format!("{}-{}", self.workload.name, &uid[..8]).into(),
        };
        let mut now = due + rng.i64(0..4);
        let mut job = Job {
            due: (cronjob && !manual).then_some(due),
            manual,
            created: Some(now),
            ..Job::new(
                self.namespace.clone(),
                name.clone(),
                Uid::parse(&uid),
                self.workload.clone(),
            )
        };
        let mut states = Vec::new();
        if adopted {
            let own = WorkloadRef {
                kind: "job".into(),
                name,
            };
            let workload = std::mem::replace(&mut job.workload, own);
            states.push((now, job.clone()));
            job.workload = workload;
            now += 1;
        }
        let pauses = usize::from(rng.u8(..20) == 0) * rng.usize(1..3);
        for _ in 0..pauses {
            (job.state, job.start) = (JobState::Suspended, None);
            states.push((now, job.clone()));
            now += rng.i64(1..self.period);
            if rng.bool() {
                (job.state, job.start) = (JobState::Running, Some(now));
                states.push((now, job.clone()));
                now += rng.i64(1..HOUR);
            }
        }
        (job.state, job.start) = (JobState::Pending, None);
        states.push((now, job.clone()));
        now += rng.i64(0..3);
        job.start = Some(now);
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
        job.end = Some(end);
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

    /// The `CronJob` of these Jobs. Some servers report its last success, some do not.
    fn cronjob(&self, jobs: &[Life<Job>], reports_success: bool) -> Life<CronJob> {
        let uid = format!("cronjob-{}", self.workload.name);
        let cronjob = CronJob::new(
            self.namespace.clone(),
            self.workload.name.clone(),
            Uid::parse(&uid),
            "@hourly".into(),
        );
        let mut states = vec![(BEGIN - 4 * DAY, cronjob.clone())];
        let ends = jobs
            .iter()
            .map(|life| &life.states.last().expect("a state").1)
            .filter(|job| job.state == JobState::Complete && !job.manual)
            .filter_map(|job| job.end);
        let ends: HashSet<Seconds> = ends.filter(|end| *end < self.until).collect();
        let mut ends: Vec<_> = ends.into_iter().filter(|_| reports_success).collect();
        ends.sort_unstable();
        states.extend(ends.into_iter().map(|end| {
            let last_success = Some(end);
            let cronjob = cronjob.clone();
            (
                end,
                CronJob {
                    last_success,
                    ..cronjob
                },
            )
        }));
        let gone = if self.until == END {
            END + DAY
        } else {
            self.until
        };
        Life { states, gone }
    }
}
