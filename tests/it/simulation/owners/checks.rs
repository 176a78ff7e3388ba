//! Compares what is shown with what happened.

use super::{BEGIN, Execution, MINUTE, Outcome, OwnerSimulation, WORKLOADS};

impl OwnerSimulation {
    pub(super) fn check(&self, faults: bool) {
        let snapshot = self.store.snapshot();
        for workload in 0..WORKLOADS {
            let begun = |it: &&Execution| it.workload == workload && it.begin < self.now;
            let begun: Vec<_> = self.world.executions.iter().filter(begun).collect();
            let is_over = |it: &Execution| it.end + 2 * MINUTE <= self.now;
            // Nobody knows within a pause whether a run is over.
            if !begun
                .last()
                .is_none_or(|last| is_over(last) || !last.reopened)
            {
                continue;
            }
            let is_open = begun
                .iter()
                .any(|it| self.now < it.end && it.begin + 3 <= self.now);
            if !is_open && begun.last().is_some_and(|last| !is_over(last)) {
                continue; // It begins or settles.
            }
            let name = format!("workload-{workload}");
            let shown = snapshot.workloads.iter().find(|it| *it.id.name == *name);
            let Some(shown) = shown else {
                assert!(begun.is_empty(), "seed {}: {name} is missing", self.seed);
                continue;
            };
            let over: Vec<_> = begun.into_iter().filter(|it| is_over(it)).collect();
            let count = |outcome, reopened: bool| {
                let all = over.iter().filter(|it| reopened || !it.reopened);
                all.filter(|it| it.outcome == outcome).count() as u64
            };
            let context = format!("seed {}, after {} s, {name}", self.seed, self.now - BEGIN);
            let totals = &shown.state.totals;
            let active = shown.active_runs();
            // A process that starts between two steps sees no Job under way.
            let is_seen = active == usize::from(is_open) || (faults && active == 0);
            assert!(is_seen, "{context}: {active} active runs");
            let finished = count(Outcome::Succeeded, true) + count(Outcome::Failed, true);
            let deleted = count(Outcome::Deleted, true);
            let any_reopened = over.iter().any(|it| it.reopened);
            if any_reopened {
                // A run may be deleted after it had a result, which then stays.
                let counted = totals.succeeded + totals.failed;
                assert!(
                    (finished..=finished + deleted).contains(&counted),
                    "{context}"
                );
                assert!(totals.failed >= count(Outcome::Failed, false), "{context}");
                assert!(
                    totals.succeeded >= count(Outcome::Succeeded, false),
                    "{context}"
                );
            } else {
                let failed = count(Outcome::Failed, true);
                assert_eq!(
                    (totals.succeeded + totals.failed, totals.failed),
                    (finished, failed),
                    "{context}"
                );
                // What is deleted while nobody looks leaves no trace.
                assert!(totals.deleted <= deleted, "{context}");
                assert!(faults || totals.deleted == deleted, "{context}");
                let row = over
                    .iter()
                    .rev()
                    .filter(|it| it.outcome != Outcome::Deleted);
                let row = row.take_while(|it| it.outcome == Outcome::Failed).count() as u64;
                assert_eq!(totals.consecutive_failures.count, row, "{context}");
            }
            let last = over
                .iter()
                .rev()
                .find(|it| it.outcome != Outcome::Deleted || it.reopened);
            if let Some(last) = last.filter(|it| it.outcome != Outcome::Deleted) {
                let shown = totals.last.as_ref().expect("it has a last run");
                let result = (shown.succeeded, shown.end <= Some(last.end));
                assert_eq!(
                    result,
                    (last.outcome == Outcome::Succeeded, true),
                    "{context}"
                );
                if !faults {
                    assert_eq!(shown.start, Some(last.begin + 2), "{context}");
                }
            }
        }
    }
}
