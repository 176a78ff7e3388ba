//! The file of the history is lost, or can be read only after the start.

use std::collections::HashSet;

use tokio::time::Instant;

use super::{Workloads, owner_runs::Counted};
use crate::{
    model::{Job, JournalEntry, RestoredState, Run, Seconds, Uid, WorkloadId},
    store::{counted_runs::RunOutcome, objects::Objects},
};

/// The runs of all finished Jobs that are a run each.
fn finished_runs(jobs: &Objects<Job>) -> impl Iterator<Item = (WorkloadId, Run)> {
    let jobs = jobs
        .records()
        .filter(|job| !job.ignored && job.template.owner_uid.is_none());
    jobs.filter_map(|job| Some((job.workload_id(), Run::from_finished(job)?)))
}

impl Workloads {
    /// Appends all workloads and the runs of all finished Jobs to the journal.
    pub(in crate::store) fn report_all(&self, jobs: &Objects<Job>) {
        for workload in self.records.records() {
            self.report_change(&workload.id, &workload.state);
            if !workload.exists() {
                self.report_gone(workload);
            }
        }
        for (workload, state) in self.hidden.iter() {
            self.report_change(workload, state);
        }
        let owner_runs = self.owner_runs.iter().filter(|run| run.exists());
        let owner_runs = owner_runs.filter_map(|known| {
            Some((known.workload.clone(), (**known.settled.as_ref()?).clone()))
        });
        for (workload, run) in finished_runs(jobs).chain(owner_runs) {
            if let Some(record) = self.find(&workload).and_then(|slot| self.records.get(slot)) {
                self.journal.append(JournalEntry::RunFinished {
                    counted: run.end.is_some_and(|end| end >= self.since),
                    state: record.state.clone(),
                    workload,
                    run: run.into(),
                });
            }
        }
    }

    /// Continues from what an earlier process wrote. The counters become those of a process that had read the file at the
    /// start.
    pub(in crate::store) fn adopt(
        &mut self,
        restored: RestoredState,
        jobs: &Objects<Job>,
        now: Instant,
        date: Seconds,
    ) {
        // The earlier process counted what it saw.
        let counted: HashSet<&Uid> = restored.runs.iter().collect();
        let is_uncounted = |run: &Run| {
            run.end.is_some_and(|end| end >= restored.since) && !counted.contains(&run.uid)
        };
        let mut newly_counted = Vec::new();
        let uncounted = self.uncounted.take().unwrap_or_default().into_iter();
        for (workload, run) in uncounted.filter(|(_, run)| is_uncounted(run)) {
            if let Some(known) = self.owner_runs.get_mut(&run.uid) {
                known.counted = Counted::Result;
            }
            let bounds = self.settings.run_duration_buckets.clone();
            if let Some(slot) = self.find(&workload)
                && let Some(record) = self.records.get_mut(slot)
            {
                record.state.totals.count(&run, &bounds);
                record.set_last_counted(&run);
                newly_counted.push((slot, run));
            }
        }
        self.since = restored.since;
        let existing: HashSet<_> = jobs.records().map(|job| &job.uid).collect();
        for run in restored.owner_runs {
            self.owner_runs.insert_restored(run);
        }
        for uid in restored.runs.iter().filter(|uid| !existing.contains(uid)) {
            if let Some(known) = self.owner_runs.get_mut(uid) {
                known.counted = known.counted.max(Counted::Earlier);
            } else if self.hidden.may_exist() {
                // The API may show its Job at any later time.
                self.counted_runs.insert_restored(uid);
            } else {
                let hash = self.counted_runs.hash(uid);
                self.counted_runs.insert(hash, RunOutcome::Finished, now);
            }
        }
        let mut unknown = Vec::new();
        for restored in self.with_native_histograms(restored.workloads) {
            if let Some(slot) = self.find(&restored.id)
                && let Some(record) = self.records.get_mut(slot)
            {
                record.state.continue_from(restored.state, date);
            } else {
                unknown.push(restored);
            }
        }
        self.restore(unknown);
        self.report_all(jobs);
        for (slot, run) in &newly_counted {
            self.report_finished_run(*slot, run);
        }
    }
}
