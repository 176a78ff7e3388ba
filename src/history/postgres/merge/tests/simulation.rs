//! Random runs, writes, kills and failures of two processes with one database. The truth is the list of all runs.

use proptest::prelude::*;

use super::*;
use crate::model::RunSortKey;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// These processes see the next run, which fails or not.
    Finish { seen: [bool; 2], failed: bool },
    /// A process writes.
    Write(usize),
    /// A process is killed, and the next one continues from the database.
    Kill(usize),
    /// A server takes over that has nothing since the last but one write. All connect again, and report everything.
    Failover,
    /// Too many runs wait in a process, and their Jobs are gone: it drops their rows.
    Drop(usize),
}

struct Scene {
    database: Database,
    /// The database before each of the last writes.
    earlier: Vec<Database>,
    processes: [Process; 2],
    /// What each process has seen since its start.
    known: [Vec<Run>; 2],
    runs: Vec<Run>,
    /// Those whose Jobs are gone.
    gone: Vec<Run>,
}

impl Scene {
    fn new() -> Self {
        let mut database = Database::default();
        database.write(&Process::new(5).pending());
        Self {
            processes: [Process::restarted(&database), Process::restarted(&database)],
            database,
            earlier: Vec::new(),
            known: Default::default(),
            runs: Vec::new(),
            gone: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Finish {
                seen,
                failed: fails,
            } => {
                let number = u32::try_from(self.runs.len()).unwrap() + 1;
                let run = if fails { failed(number) } else { run(number) };
                for process in (0..2).filter(|process| seen[*process]) {
                    self.see(process, run.clone());
                }
                self.runs.push(run);
            }
            Step::Write(process) => self.write(process),
            Step::Kill(process) => self.restart(process),
            Step::Failover => {
                if self.earlier.len() >= 2 {
                    self.earlier.pop();
                    self.database = self.earlier.pop().unwrap();
                    self.earlier.clear();
                    for process in 0..2 {
                        let all = self.known[process].iter().map(|run| (run.clone(), true));
                        self.processes[process].pending = all.collect();
                    }
                }
            }
            Step::Drop(process) => {
                let dropped = self.processes[process].pending.drain(..);
                self.gone.extend(dropped.map(|(run, _)| run));
            }
        }
    }

    fn see(&mut self, process: usize, run: Run) {
        self.known[process].push(run.clone());
        self.processes[process].finish(run);
    }

    fn write(&mut self, process: usize) {
        self.earlier.push(self.database.clone());
        let pending = self.processes[process].pending();
        self.database.write(&pending);
    }

    /// The next process sees the runs again that have no row, if their Jobs exist.
    fn restart(&mut self, process: usize) {
        self.processes[process] = Process::restarted(&self.database);
        let uids = &self.database.uids;
        let existing = self.runs.iter().filter(|run| !self.gone.contains(run));
        let (known, missing): (Vec<_>, Vec<_>) = existing
            .cloned()
            .partition(|run| uids.contains(&run.uid.to_string()));
        self.known[process] = known;
        for run in missing {
            self.see(process, run);
        }
    }

    /// The totals once both have restarted and written everything.
    fn at_the_end(mut self) -> Totals {
        for process in 0..2 {
            self.restart(process);
            self.write(process);
        }
        self.database.state().totals
    }
}

/// Number of succeeded and failed runs.
fn truth(runs: &[Run]) -> (u64, u64) {
    let failed = runs.iter().filter(|run| run.result == RunResult::Failed);
    let failed = failed.count() as u64;
    (runs.len() as u64 - failed, failed)
}

fn steps(with_losses: bool) -> impl Strategy<Value = Vec<Step>> {
    let losses = u32::from(with_losses);
    let step = prop_oneof![
        6 => (any::<[bool; 2]>(), any::<bool>()).prop_map(|(seen, failed)| Step::Finish { seen, failed }),
        4 => (0..2_usize).prop_map(Step::Write),
        2 => (0..2_usize).prop_map(Step::Kill),
        1 => Just(Step::Failover),
        losses => (0..2_usize).prop_map(Step::Drop),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// While the Jobs exist, each run counts once in the end, whatever was seen, killed and lost.
    #[test]
    fn each_run_counts_once(steps in steps(false)) {
        let mut scene = Scene::new();
        for step in steps {
            scene.take(step);
        }
        let runs = scene.runs.clone();
        let totals = scene.at_the_end();
        prop_assert_eq!((totals.succeeded, totals.failed), truth(&runs));
        prop_assert_eq!(totals.success_durations.count(), totals.succeeded);
        prop_assert_eq!(totals.failure_durations.count(), totals.failed);
        let last: Option<RunSortKey> = totals.last.map(|last| last.sort_key);
        prop_assert_eq!(last, runs.last().map(Run::sort_key));
    }

    /// No run counts twice at any time, also if rows were dropped whose runs others have.
    #[test]
    fn no_run_counts_twice(steps in steps(true)) {
        let mut scene = Scene::new();
        for step in steps {
            scene.take(step);
            let counted = scene.database.state().totals;
            let (succeeded, failed) = truth(&scene.runs);
            prop_assert!(counted.succeeded <= succeeded && counted.failed <= failed, "{step:?}");
        }
    }
}
