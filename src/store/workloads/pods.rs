//! What the pods of a run change in its workload after the run has ended.

use super::Workloads;
use crate::model::{JournalEntry, Run, RunExplanation, WorkloadId};

impl Workloads {
    /// Whether more pods of a finished run failed than are known.
    pub(super) fn awaits_pods(&self, run: &Run) -> bool {
        self.settings.pods && run.failed_pods.cast_unsigned() > run.explanation.failed.total()
    }

    /// More became known of the pods of a finished run, which was explained like this `before`. `counted`: whether the counters
    /// include it.
    pub(in crate::store) fn explain_run(
        &mut self,
        id: &WorkloadId,
        run: &Run,
        before: &RunExplanation,
        counted: bool,
    ) {
        let Some(slot) = self.find(id) else {
            return;
        };
        let Some(workload) = self.records.get_mut(slot) else {
            return;
        };
        if !workload.state.totals.explain(run, before, counted) && !counted {
            return;
        }
        if counted {
            self.journal.append(JournalEntry::RunFinished {
                workload: id.clone(),
                run: Box::new(run.clone()),
                counted,
                state: workload.state.clone(),
            });
        } else {
            self.journal_change(slot);
        }
    }
}
