//! A month of a cluster, with everything that may come between it and the exporter: what is shown of workloads is what
//! the exporter could know, at any time.
//!
//! Time is simulated, and all chance comes from a seed, which a failure tells.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fastrand::Rng;
use job_status_exporter::{
    model::{self, Change, FeedId, FeedScope, Journal, RestoredState, Seconds, Sink, Update},
    store::{Retention, StoreSettings, TargetStore},
};
use tokio::time::advance;

mod calm;
mod notebook;
mod truth;
mod world;

use notebook::{Kept, Notebook};
use truth::Truth;
use world::{BEGIN, DAY, END, Event, HOUR, MINUTE, World};

/// The namespaces whose Jobs a feed tells of; one is told of by two.
const JOBS: [&[&str]; 4] = [&["ns-0", "ns-1"], &["ns-2"], &["ns-3"], &["ns-0"]];
const CRONJOBS: usize = JOBS.len();
const FEEDS: usize = JOBS.len() + 1;

/// What comes between.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// A feed hears nothing until it lists again.
    Gap(usize),
    /// A feed lists, and hears of what happens from then on. The server may be behind by some seconds.
    List {
        feed: usize,
        behind: Seconds,
        again: bool,
    },
    /// A feed hears once more of all that happened since.
    Repeat {
        feed: usize,
        since: Seconds,
    },
    /// What happens from now on is lost when the process is killed.
    Flush,
    Kill,
    Start,
    Check,
}

struct Simulation {
    seed: u64,
    rng: Rng,
    world: World,
    history: bool,
    now: Seconds,
    /// `None` while the process is down.
    slice: Option<TargetStore>,
    journal: Arc<Notebook>,
    kept: Kept,
    truth: Truth,
    /// What was known when the process last got to writing things down.
    flushed: Option<(Seconds, usize, Truth)>,
    hears: [bool; FEEDS],
    troubles: BTreeMap<(Seconds, u64), Trouble>,
    /// Tells troubles of the same time apart.
    planned: u64,
}

fn settings() -> StoreSettings {
    let defaults = StoreSettings::default();
    StoreSettings {
        retention: Retention {
            stale_after: Duration::MAX, // checks come when they come
            ..defaults.retention
        },
        ..defaults
    }
}

fn retention() -> Seconds {
    Seconds::try_from(settings().retention.workloads.as_secs()).unwrap()
}

impl Simulation {
    fn new(seed: u64, workloads: usize, history: bool, troubles: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let world = World::new(&mut rng, workloads);
        let mut simulation = Self {
            seed,
            rng,
            world,
            history,
            now: BEGIN,
            slice: None,
            journal: Arc::default(),
            kept: Kept::default(),
            truth: Truth::new(BEGIN, retention(), FEEDS),
            flushed: None,
            hears: [false; FEEDS],
            troubles: BTreeMap::new(),
            planned: 0,
        };
        simulation.plan(BEGIN, Trouble::Start);
        for day in 1..30 {
            simulation.plan(BEGIN + day * DAY + 7 * HOUR, Trouble::Check);
        }
        if troubles > 0 {
            simulation.plan_troubles(troubles);
        }
        simulation
    }

    fn plan(&mut self, at: Seconds, trouble: Trouble) {
        self.planned += 1;
        self.troubles.insert((at, self.planned), trouble);
    }

    fn plan_troubles(&mut self, per_feed: usize) {
        for feed in 0..FEEDS {
            for _ in 0..per_feed {
                let mut at = || self.rng.i64(BEGIN + HOUR..END);
                let (gap, list, late, repeat) = (at(), at(), at(), at());
                let lasts = self.rng.i64(MINUTE..6 * HOUR);
                let behind = [0, self.rng.i64(1..20 * MINUTE)][self.rng.usize(..2)];
                let since = repeat - self.rng.i64(1..20 * MINUTE);
                self.plan(gap, Trouble::Gap(feed));
                let again = true;
                self.plan(
                    gap + lasts,
                    Trouble::List {
                        feed,
                        behind,
                        again,
                    },
                );
                self.plan(
                    list,
                    Trouble::List {
                        feed,
                        behind: 0,
                        again,
                    },
                );
                let behind = self.rng.i64(1..20 * MINUTE);
                self.plan(
                    late,
                    Trouble::List {
                        feed,
                        behind,
                        again,
                    },
                );
                self.plan(repeat, Trouble::Repeat { feed, since });
            }
        }
        for fifth in 0..5 {
            let kill = BEGIN + fifth * 6 * DAY + self.rng.i64(DAY..5 * DAY);
            let lost = self.rng.i64(0..10 * MINUTE);
            self.plan(kill - lost, Trouble::Flush);
            self.plan(kill, Trouble::Kill);
            let down = [2 * MINUTE, 8 * HOUR][self.rng.usize(..2)];
            let start = kill + self.rng.i64(MINUTE..down);
            self.plan(start, Trouble::Start);
            self.plan(start + 10 * MINUTE, Trouble::Check);
        }
    }

    async fn run(mut self) -> Self {
        let events = std::mem::take(&mut self.world.events);
        let begin = events.partition_point(|(time, _)| *time < BEGIN);
        let mut next = begin;
        while let Some((&(at, number), _)) = self.troubles.first_key_value() {
            while let Some((time, event)) = events.get(next).filter(|(time, _)| *time < at) {
                self.pass(*time).await;
                self.happen(event);
                next += 1;
            }
            self.pass(at).await;
            if let Some(trouble) = self.troubles.remove(&(at, number)) {
                self.befall(trouble, &events[..next]);
            }
        }
        self
    }

    async fn pass(&mut self, to: Seconds) {
        let passed = u64::try_from(to - self.now).unwrap();
        if passed > 0 {
            advance(Duration::from_secs(passed)).await;
            self.now = to;
            self.journal.set_clock(to);
        }
    }

    /// Tells the exporter, and reckons with it.
    fn tell(&mut self, feed: usize, update: Update) {
        let Some(slice) = &self.slice else { return };
        let feed = FeedId(u32::try_from(feed).unwrap());
        self.truth.see(self.now, feed, &update);
        slice.push(feed, update);
    }

    fn happen(&mut self, event: &Event) {
        for feed in (0..FEEDS).filter(|feed| concerns(*feed, event)) {
            if self.hears[feed] {
                self.tell(feed, event.update.clone());
                if self.rng.u8(..20) == 0 {
                    self.tell(feed, event.update.clone());
                }
            }
        }
    }

    fn befall(&mut self, trouble: Trouble, past: &[(Seconds, Event)]) {
        match trouble {
            Trouble::Gap(feed) => self.hears[feed] = false,
            Trouble::List {
                feed,
                behind,
                again,
            } => {
                self.list(feed, behind);
                // Sooner or later the server has caught up.
                let soon = self.now + self.rng.i64(MINUTE..10 * MINUTE);
                let since = self.now - behind;
                if behind > 0 && again {
                    self.check();
                    let caught_up = if self.rng.bool() {
                        Trouble::List {
                            feed,
                            behind: 0,
                            again: false,
                        }
                    } else {
                        Trouble::Repeat { feed, since }
                    };
                    self.plan(soon, caught_up);
                }
            }
            Trouble::Repeat { feed, since } => {
                let from = past.partition_point(|(time, _)| *time <= since);
                for (_, event) in past[from..]
                    .iter()
                    .filter(|(_, event)| concerns(feed, event))
                {
                    if self.hears[feed] {
                        self.tell(feed, event.update.clone());
                    }
                }
            }
            Trouble::Flush => {
                self.flushed = Some((self.now, self.journal.notes(), self.truth.clone()));
            }
            Trouble::Kill => self.kill(),
            Trouble::Start => self.start(),
            Trouble::Check => self.check(),
        }
    }

    fn list(&mut self, feed: usize, behind: Seconds) {
        let time = self.now - behind;
        let update = if feed == CRONJOBS {
            Update::CronJobs(Change::Replaced(self.world.cronjobs_at(time)))
        } else {
            let mut jobs = self.world.jobs_at(time, JOBS[feed]);
            self.rng.shuffle(&mut jobs);
            Update::Jobs(Change::Replaced(jobs))
        };
        self.hears[feed] = true;
        self.tell(feed, update);
    }

    fn kill(&mut self) {
        self.check();
        self.slice = None;
        self.hears = [false; FEEDS];
        let (at, notes, truth) = self.flushed.take().expect("planned");
        self.kept.take_in(&self.journal, notes, at);
        self.truth = truth.restart(at);
    }

    fn start(&mut self) {
        self.journal = Arc::default();
        self.journal.set_clock(self.now);
        let slice = loop {
            let before = model::now().as_second();
            let memory = if self.history {
                self.kept.recall(self.now, BEGIN)
            } else {
                self.truth = Truth::new(self.now, retention(), FEEDS);
                RestoredState {
                    since: self.now,
                    ..RestoredState::default()
                }
            };
            let mut feeds = vec![FeedScope::Jobs; JOBS.len()];
            feeds.push(FeedScope::CronJobs);
            let journal: Arc<dyn Journal> = self.journal.clone();
            let slice =
                TargetStore::remembering(None, feeds, Arc::new(settings()), memory, journal);
            // What was recalled is told by the real clock, which must not have moved on.
            if model::now().as_second() == before {
                break slice;
            }
        };
        self.slice = Some(slice);
        for feed in 0..FEEDS {
            let behind = [0, self.rng.i64(1..5 * MINUTE)][self.rng.usize(..2)];
            let at = self.now + self.rng.i64(0..5 * MINUTE);
            self.plan(
                at,
                Trouble::List {
                    feed,
                    behind,
                    again: true,
                },
            );
        }
    }

    fn check(&self) {
        let Some(slice) = &self.slice else { return };
        if let Err(difference) = self.truth.check(self.now, &slice.snapshot()) {
            let (seed, hours) = (self.seed, (self.now - BEGIN) / HOUR);
            panic!("seed {seed}, after {hours} hours: {difference}");
        }
    }
}

fn concerns(feed: usize, event: &Event) -> bool {
    match event.update {
        Update::CronJobs(_) => feed == CRONJOBS,
        _ => JOBS
            .get(feed)
            .is_some_and(|within| within.contains(&&*event.namespace)),
    }
}

/// Chosen by no reason, and one that is another each time.
fn seeds() -> [u64; 4] {
    [1, 2, 3, fastrand::u64(..)]
}

#[tokio::test(start_paused = true)]
async fn a_month_without_history_starts_over_with_the_process() {
    for seed in seeds() {
        let simulation = Simulation::new(seed, 50, false, 15).run().await;
        assert!(simulation.truth.runs() > 50, "seed {seed} tests nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_month_with_history_loses_nothing_and_counts_nothing_twice() {
    for seed in seeds() {
        let simulation = Simulation::new(seed, 50, true, 15).run().await;
        assert!(simulation.truth.runs() > 500, "seed {seed} tests nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_month_of_a_thousand_workloads() {
    let simulation = Simulation::new(4, 1_000, true, 4).run().await;
    assert!(simulation.truth.runs() > 15_000);
}
