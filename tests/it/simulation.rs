//! A month of a cluster, with all faults that can occur between it and the exporter. At any time the exporter shows exactly
//! what it could know of the workloads.
//!
//! Time is simulated. All random values come from a seed, which a failure reports.

use std::{cell::Cell, collections::BTreeMap, sync::Arc, time::Duration};

use fastrand::Rng;
use jiff::Timestamp;
use job_status_exporter::{
    model::{Departure, FeedHandle, FeedScope, Journal, RestoredState, Seconds, Sink, Update},
    store::{Retention, StoreSettings, TargetStore},
};
use tokio::time::advance;

mod calm;
mod description;
mod events;
mod expected;
mod faults;
mod file;
mod lists;
mod owners;
mod schedules;
mod world;

use events::EventModel;
use expected::ExpectedState;
use file::{FileModel, TimedJournal};
use world::{BEGIN, DAY, Event, HOUR, MINUTE, World};

/// The namespaces of each feed of Jobs. Two feeds read one of them.
const JOBS: [&[&str]; 4] = [&["ns-0", "ns-1"], &["ns-2"], &["ns-3"], &["ns-0"]];
const CRONJOBS: usize = JOBS.len();
const FEEDS: usize = JOBS.len() + 1;

/// What happens to a feed or to the process.
#[derive(Clone, Copy, Debug)]
enum Action {
    /// A feed misses all events until its next list.
    Gap(usize),
    /// A feed lists, and receives events from then on. The list may be some seconds old.
    List {
        feed: usize,
        behind: Seconds,
        again: bool,
    },
    /// A feed receives again all events since a time.
    Repeat {
        feed: usize,
        since: Seconds,
        /// Whether the feed has received everything after it.
        complete: bool,
    },
    /// Every connected feed reports that it has received everything.
    Bookmarks,
    /// The history is written. Later changes are lost when the process is killed.
    Flush,
    Kill,
    Start,
    Check,
}

thread_local! {
    /// The simulated wall clock.
    static NOW: Cell<Seconds> = const { Cell::new(BEGIN) };
}

struct Simulation {
    seed: u64,
    rng: Rng,
    world: World,
    history: bool,
    now: Seconds,
    /// `None` while the process is down.
    store: Option<Arc<TargetStore>>,
    /// The feeds of the store; empty while the process is down.
    feeds: Vec<FeedHandle>,
    journal: Arc<TimedJournal>,
    file: FileModel,
    expected: ExpectedState,
    /// When the history was last written, and what was expected then.
    flushed: Option<(Seconds, ExpectedState)>,
    events: EventModel,
    /// How many events of the process there were then.
    flushed_events: usize,
    connected: [bool; FEEDS],
    /// Whether this process has read a feed.
    read: [bool; FEEDS],
    /// Whether a connected feed has received everything.
    complete: [bool; FEEDS],
    actions: BTreeMap<(Seconds, u64), Action>,
    /// Orders actions of the same time.
    planned: u64,
}

fn settings() -> StoreSettings {
    let defaults = StoreSettings::default();
    StoreSettings {
        clock: || Timestamp::from_second(NOW.get()).unwrap(),
        retention: Retention {
            stale_after: Duration::MAX, // checks come when they come
            ..defaults.retention
        },
        events: true,
        ..defaults
    }
}

fn retention(departure: Departure) -> Seconds {
    let retention = StoreSettings::default().retention.of(departure);
    Seconds::try_from(retention.as_secs()).unwrap()
}

impl Simulation {
    fn new(seed: u64, workloads: usize, history: bool, faults: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let world = World::new(&mut rng, workloads);
        let mut simulation = Self {
            seed,
            rng,
            world,
            history,
            now: BEGIN,
            store: None,
            feeds: Vec::new(),
            journal: Arc::default(),
            file: FileModel::default(),
            expected: ExpectedState::new(BEGIN, retention, FEEDS),
            flushed: None,
            events: EventModel::default(),
            flushed_events: 0,
            connected: [false; FEEDS],
            read: [false; FEEDS],
            complete: [false; FEEDS],
            actions: BTreeMap::new(),
            planned: 0,
        };
        NOW.set(BEGIN);
        simulation.plan(BEGIN, Action::Start);
        // Real servers send bookmarks every minute. Here they are rare, to save time.
        let interval = if workloads > 100 { HOUR } else { 20 * MINUTE };
        for number in 0..30 * DAY / interval {
            simulation.plan(BEGIN + number * interval, Action::Bookmarks);
        }
        for day in 1..30 {
            simulation.plan(BEGIN + day * DAY + 7 * HOUR, Action::Check);
        }
        if faults > 0 {
            simulation.plan_faults(faults);
        }
        simulation
    }

    fn plan(&mut self, at: Seconds, action: Action) {
        self.planned += 1;
        self.actions.insert((at, self.planned), action);
    }

    async fn run(mut self) -> Self {
        let events = std::mem::take(&mut self.world.events);
        let begin = events.partition_point(|(time, _)| *time < BEGIN);
        let mut next = begin;
        while let Some((&(at, number), _)) = self.actions.first_key_value() {
            while let Some((time, event)) = events.get(next).filter(|(time, _)| *time < at) {
                self.advance_to(*time).await;
                self.deliver(event);
                next += 1;
            }
            self.advance_to(at).await;
            if let Some(action) = self.actions.remove(&(at, number)) {
                self.perform(action, &events[..next]);
            }
        }
        self
    }

    async fn advance_to(&mut self, to: Seconds) {
        let passed = u64::try_from(to - self.now).unwrap();
        if passed > 0 {
            advance(Duration::from_secs(passed)).await;
            self.now = to;
            NOW.set(to);
            self.journal.set_clock(to);
        }
    }

    /// Pushes an update to the store and to the expected state.
    fn push(&mut self, feed: usize, update: Update) {
        let Some(handle) = self.feeds.get(feed) else {
            return;
        };
        self.expected.push(self.now, feed, &update);
        handle.push(update);
    }

    fn deliver(&mut self, event: &Event) {
        for feed in (0..FEEDS).filter(|feed| receives(*feed, event)) {
            if self.connected[feed] {
                self.push(feed, event.update.clone());
                if self.rng.u8(..20) == 0 {
                    self.push(feed, event.update.clone());
                }
            }
        }
    }

    fn perform(&mut self, action: Action, past: &[(Seconds, Event)]) {
        match action {
            Action::Gap(feed) => self.connected[feed] = false,
            Action::List {
                feed,
                behind,
                again,
            } => {
                self.list(feed, behind);
                // The server catches up later.
                let soon = self.now + self.rng.i64(MINUTE..10 * MINUTE);
                let since = self.now - behind;
                if behind > 0 && again {
                    self.check();
                    let caught_up = if self.rng.bool() {
                        Action::List {
                            feed,
                            behind: 0,
                            again: false,
                        }
                    } else {
                        let complete = true;
                        Action::Repeat {
                            feed,
                            since,
                            complete,
                        }
                    };
                    self.plan(soon, caught_up);
                }
            }
            Action::Repeat {
                feed,
                since,
                complete,
            } => {
                let from = past.partition_point(|(time, _)| *time <= since);
                for (_, event) in past[from..]
                    .iter()
                    .filter(|(_, event)| receives(feed, event))
                {
                    if self.connected[feed] {
                        self.push(feed, event.update.clone());
                    }
                }
                self.complete[feed] |= complete;
            }
            Action::Bookmarks => {
                for feed in 0..FEEDS {
                    if self.connected[feed] && self.complete[feed] {
                        self.catch_up(feed);
                    }
                }
            }
            Action::Flush => self.flush(),
            Action::Kill => self.kill(),
            Action::Start => self.start(),
            Action::Check => self.check(),
        }
    }

    fn flush(&mut self) {
        let store = self.store.as_ref().expect("the process runs");
        self.file.write(self.now, &self.journal, store.as_ref());
        self.flushed = Some((self.now, self.expected.clone()));
        self.flushed_events = self.journal.events().len();
    }

    fn kill(&mut self) {
        self.check();
        self.store = None;
        self.feeds.clear();
        (self.connected, self.read) = ([false; FEEDS], [false; FEEDS]);
        let (at, expected) = self.flushed.take().expect("planned");
        self.expected = expected.restart(at);
        self.events.kill(self.journal.events(), self.flushed_events);
    }

    fn start(&mut self) {
        self.journal = Arc::default();
        self.journal.set_clock(self.now);
        let restored = if self.history {
            self.file.restore(self.now, BEGIN)
        } else {
            self.expected = ExpectedState::new(self.now, retention, FEEDS);
            self.events.forget();
            RestoredState {
                since: self.now,
                ..RestoredState::default()
            }
        };
        let journal: Arc<dyn Journal> = self.journal.clone();
        let store = TargetStore::restored(None, settings().into(), restored, journal);
        let store = Arc::new(store);
        let mut scopes = vec![FeedScope::Jobs(None); JOBS.len()];
        scopes.push(FeedScope::CronJobs(None));
        let register = |scope| store.clone().register(scope);
        self.feeds = scopes.into_iter().map(register).collect();
        self.store = Some(store);
        for feed in 0..FEEDS {
            let behind = [0, self.rng.i64(1..20 * MINUTE)][self.rng.usize(..2)];
            let at = self.now + self.rng.i64(0..5 * MINUTE);
            self.plan(
                at,
                Action::List {
                    feed,
                    behind,
                    again: true,
                },
            );
        }
    }

    fn check(&self) {
        let Some(store) = &self.store else { return };
        let snapshot = store.snapshot();
        let counters = self.expected.check(self.now, &snapshot);
        let events = || self.events.check(&self.journal.events(), &snapshot);
        if let Err(difference) = counters.and_then(|()| events()) {
            let (seed, hours) = (self.seed, (self.now - BEGIN) / HOUR);
            panic!("seed {seed}, after {hours} hours: {difference}");
        }
        // Whatever was silent or late.
        for missed in self.expected.missed() {
            let observed = self.expected.schedule(&missed.0);
            let expected = self.world.may_be_missed(&missed, observed);
            assert!(expected, "seed {}: {missed:?} is not missed", self.seed);
        }
    }
}

fn receives(feed: usize, event: &Event) -> bool {
    match event.update {
        Update::CronJobs(_) => feed == CRONJOBS,
        _ => JOBS
            .get(feed)
            .is_some_and(|within| within.contains(&&*event.namespace)),
    }
}

/// Three fixed seeds and a random one, or as many random ones as the variable `SIMULATION_SEEDS` says.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
fn seeds() -> Vec<u64> {
    let random = std::env::var("SIMULATION_SEEDS").map_or(1, |number| number.parse().unwrap());
    let fixed = [1, 2, 3].into_iter();
    fixed
        .chain((0..random).map(|_| fastrand::u64(..)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_month_without_history_restarts_from_zero_with_each_process() {
    for seed in seeds() {
        let simulation = Simulation::new(seed, 50, false, 15).run().await;
        assert!(
            simulation.expected.runs() > 50,
            "seed {seed} has too few runs"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_month_with_history_loses_nothing_and_counts_nothing_twice() {
    for seed in seeds() {
        let simulation = Simulation::new(seed, 50, true, 15).run().await;
        assert!(
            simulation.expected.runs() > 500,
            "seed {seed} has too few runs"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_month_of_a_thousand_workloads() {
    let simulation = Simulation::new(4, 1_000, true, 4).run().await;
    assert!(simulation.expected.runs() > 15_000);
}
