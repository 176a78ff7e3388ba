//! Owners with several Jobs, with all faults that can occur between them and the exporter. The truth is what happened, not what was
//! observed.

use std::{ops::Range, sync::Arc, time::Duration};

use fastrand::Rng;
use job_status_exporter::{
    model::{
        Change, FailureReason, FeedError, FeedHandle, FeedScope, Job, JobState, Journal,
        RestoredState, Seconds, Sink as _, Uid, Update, WorkloadRef,
    },
    store::TargetStore,
};
use tokio::time::advance;

mod checks;

use super::{
    NOW,
    file::{FileModel, TimedJournal},
    seeds, settings,
    world::{BEGIN, HOUR, Life, MINUTE},
};

const WORKLOADS: usize = 12;
/// Executions of each workload.
const EXECUTIONS: i64 = 20;
/// Time from one execution to the next. The Jobs of the former are gone by then.
const PERIOD: Seconds = 14 * HOUR;
/// How long finished Jobs stay at least: longer than any fault lasts.
const KEPT: Seconds = 2 * HOUR;
/// The longest fault.
const FAULT: Seconds = 20 * MINUTE;

/// One execution of a workload: all Jobs of one owner.
struct Execution {
    workload: usize,
    begin: Seconds,
    /// When the last Job ended, or was deleted.
    end: Seconds,
    outcome: Outcome,
    /// Whether its first result may be another one: a step came more than a minute after the one before.
    reopened: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Succeeded,
    Failed,
    Deleted,
}

#[derive(Default)]
struct OwnerWorld {
    executions: Vec<Execution>,
    jobs: Vec<Life<Job>>,
}

impl OwnerWorld {
    fn new(rng: &mut Rng) -> Self {
        let mut world = Self::default();
        for workload in 0..WORKLOADS {
            for number in 0..EXECUTIONS {
                let begin = BEGIN + HOUR + number * PERIOD + rng.i64(0..HOUR);
                world.add_execution(rng, workload, begin);
            }
        }
        world
    }

    fn add_execution(&mut self, rng: &mut Rng, workload: usize, begin: Seconds) {
        let owner = Uid::parse(&format!(
            "00000000-0000-4000-8000-{:012x}",
            rng.u64(..1 << 48)
        ));
        let may_pause = workload.is_multiple_of(3);
        let (mut at, mut end) = (begin, begin);
        let (mut failed, mut reopened) = (false, false);
        // All Jobs are deleted in the middle of the last one.
        let deleted = rng.u8(..8) == 0;
        let steps = rng.usize(1..4);
        let from = self.jobs.len();
        for step in 0..steps {
            let is_last = step + 1 == steps;
            let attempts = [1, 1, 1, 2, 3][rng.usize(..5)];
            for attempt in 1..=attempts {
                let is_retried = attempt < attempts;
                let fails = is_retried || (!deleted && rng.u8(..4) == 0);
                // Longer than a fault, so that each Job is seen under way.
                let ends = at + rng.i64(2 * FAULT..HOUR);
                let mut life = job(workload, step, &owner, at..ends, fails);
                end = ends;
                if deleted && is_last && !is_retried {
                    life.states.pop();
                    life.gone = ends;
                } else if is_retried {
                    life.gone = ends + rng.i64(1..10);
                } else {
                    failed |= fails;
                    life.gone = Seconds::MAX;
                }
                self.jobs.push(life);
                at = ends + rng.i64(10..50);
                if !is_retried && !is_last && may_pause && rng.bool() {
                    at += rng.i64(2 * MINUTE..30 * MINUTE);
                    reopened = true;
                }
            }
        }
        for life in &mut self.jobs[from..] {
            if life.gone == Seconds::MAX {
                life.gone = end + if deleted { 0 } else { KEPT };
            }
        }
        let outcome = match (failed, deleted) {
            (true, _) => Outcome::Failed,
            (_, true) => Outcome::Deleted,
            _ => Outcome::Succeeded,
        };
        self.executions.push(Execution {
            workload,
            begin,
            end,
            outcome,
            reopened,
        });
    }

    fn events(&self) -> Vec<(Seconds, Change<Job>)> {
        let mut events = Vec::new();
        for life in &self.jobs {
            let states = life.states.iter();
            events.extend(states.map(|(at, job)| (*at, Change::Applied(job.clone()))));
            let (_, last) = life.states.last().unwrap();
            events.push((life.gone, Change::Deleted(last.clone())));
        }
        events.sort_by_key(|(at, _)| *at);
        events
    }
}

/// A step of an execution during this time.
fn job(
    workload: usize,
    step: usize,
    owner: &Uid,
    during: Range<Seconds>,
    fails: bool,
) -> Life<Job> {
    let of = WorkloadRef {
        kind: "jobset".into(),
        name: format!("workload-{workload}").into(),
    };
    let name = format!("workload-{workload}-step-{step}");
    let uid = format!("{name}@{}", during.start);
    let pending = Job {
        created: Some(during.start).into(),
        ..Job::new("maths".into(), name.as_str().into(), Uid::parse(&uid), of)
    }
    .with_template(|template| template.owner_uid = Some(owner.clone().into()));
    let running = Job {
        state: JobState::Running,
        start: Some(during.start + 2).into(),
        ..pending.clone()
    };
    let finished = Job {
        state: if fails {
            JobState::Failed
        } else {
            JobState::Complete
        },
        failure: fails.then_some(FailureReason::BackoffLimitExceeded),
        state_since: Some(during.end).into(),
        ..running.clone()
    };
    Life {
        states: vec![
            (during.start, pending),
            (during.start + 2, running),
            (during.end, finished),
        ],
        gone: during.end,
    }
}

struct OwnerSimulation {
    seed: u64,
    rng: Rng,
    world: OwnerWorld,
    now: Seconds,
    journal: Arc<TimedJournal>,
    file: FileModel,
    store: Arc<TargetStore>,
    jobs: FeedHandle,
}

fn start(now: Seconds, file: &FileModel) -> (Arc<TargetStore>, FeedHandle, Arc<TimedJournal>) {
    let journal = Arc::new(TimedJournal::default());
    journal.set_clock(now);
    let restored: RestoredState = file.restore(now, BEGIN);
    let shared: Arc<dyn Journal> = journal.clone();
    let mut settings = settings();
    // The counters go on, though all Jobs are gone between two executions.
    settings.retention.workloads = Duration::from_hours(10_000);
    let store = Arc::new(TargetStore::restored(
        None,
        settings.into(),
        restored,
        shared,
    ));
    let jobs = store.clone().register(FeedScope::Jobs(None));
    (store, jobs, journal)
}

impl OwnerSimulation {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let world = OwnerWorld::new(&mut rng);
        NOW.set(BEGIN);
        let file = FileModel::default();
        let (store, jobs, journal) = start(BEGIN, &file);
        Self {
            seed,
            rng,
            world,
            now: BEGIN,
            journal,
            file,
            store,
            jobs,
        }
    }

    async fn advance_to(&mut self, to: Seconds) {
        let passed = u64::try_from(to - self.now).unwrap();
        advance(Duration::from_secs(passed)).await;
        self.now = to;
        NOW.set(to);
        self.journal.set_clock(to);
    }

    fn list(&mut self) {
        let present = self.world.jobs.iter().filter_map(|life| life.at(self.now));
        let mut present: Vec<Job> = present.collect();
        self.rng.shuffle(&mut present);
        self.jobs.push(Update::Jobs(Change::ListStarted));
        let rest = present.split_off(self.rng.usize(..=present.len()));
        self.jobs.push(Update::Jobs(Change::Listed(present)));
        self.jobs.push(Update::Jobs(Change::Replaced(rest)));
        self.jobs.push(Update::Contact);
    }

    fn flush(&mut self) {
        self.file
            .write(self.now, &self.journal, self.store.as_ref());
    }

    /// Runs to the end. Some events are lost until the next list, and some processes are killed.
    async fn run(mut self, faults: bool) -> Self {
        let events = self.world.events();
        self.list();
        let (mut lost_until, mut down_until) = (0, 0);
        let (mut next_fault, mut next_check) = (BEGIN + HOUR, BEGIN + HOUR);
        for (at, change) in events {
            for (until, is_down) in [(lost_until, false), (down_until, true)] {
                if until > self.now && until <= at {
                    self.advance_to(until).await;
                    if is_down {
                        (self.store, self.jobs, self.journal) = start(self.now, &self.file);
                    }
                    self.list();
                    // What is gone since settles now.
                    next_check = next_check.max(until + 2 * MINUTE);
                }
            }
            let works = |now: Seconds| lost_until <= now && down_until <= now;
            if next_check <= at && works(next_check) && next_check >= self.now {
                self.advance_to(next_check).await;
                self.check(faults);
            }
            self.advance_to(at).await;
            if works(at) {
                self.jobs.push(Update::Jobs(change.clone()));
                if self.rng.u8(..10) == 0 {
                    self.jobs.push(Update::Jobs(change)); // it comes again
                }
            }
            next_check = self.now + self.rng.i64(1..HOUR);
            if faults && next_fault <= at && works(at) {
                next_fault = at + self.rng.i64(HOUR..10 * HOUR);
                let until = at + self.rng.i64(1..FAULT);
                if self.rng.bool() {
                    lost_until = until;
                    self.jobs.push(Update::Failed(FeedError::default()));
                } else {
                    self.flush();
                    down_until = until;
                }
            }
        }
        self.advance_to(self.now + HOUR).await;
        self.list();
        self.check(faults);
        self.flush();
        self
    }
}

#[tokio::test(start_paused = true)]
async fn all_jobs_of_an_owner_are_one_run() {
    OwnerSimulation::new(1).run(false).await;
}

#[tokio::test(start_paused = true)]
async fn all_jobs_of_an_owner_are_one_run_whatever_is_lost_between() {
    for seed in seeds() {
        OwnerSimulation::new(seed).run(true).await;
    }
}
