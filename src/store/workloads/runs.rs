//! What finished runs change in their workloads.

use super::{WorkloadRecord, Workloads};
use crate::model::{JournalEntry, Run, Seconds};

impl Workloads {
    /// Adds a finished run to the workload in this slot. It is counted if it was `seen_before` it finished, or else if it
    /// ended after the objects were first read. Returns whether it was counted.
    pub(super) fn add_run(
        &mut self,
        count_since: Option<Seconds>,
        slot: u32,
        run: &Run,
        seen_before: bool,
    ) -> bool {
        let Some(workload) = self.records.get_mut(slot) else {
            return false;
        };
        let ended_after = |since| run.end.is_some_and(|end| end >= since);
        let was_selected = seen_before || count_since.is_none_or(ended_after);
        let is_new = was_selected && ended_after(self.since);
        let counted = seen_before || (is_new && self.uncounted.is_none());
        if !counted
            && was_selected
            && let Some(uncounted) = &mut self.uncounted
        {
            uncounted.push((workload.id.clone(), run.clone()));
        }
        let bounds = &self.settings.run_duration_buckets;
        workload.state.totals.add_run(run, counted, bounds);
        workload.state.ticks.add_run(run);
        if counted {
            workload.set_last_counted(run);
        }
        self.journal.append(JournalEntry::RunFinished {
            workload: workload.id.clone(),
            run: Box::new(run.clone()),
            counted,
            state: workload.state.clone(),
        });
        if counted {
            self.report_finished_run(slot, run);
        }
        counted
    }

    /// Shows a finished run that must not be counted as the last one, if it is later than that. The totals may not include
    /// it: they restarted from zero while it was not selected.
    pub(super) fn show_run(&mut self, slot: u32, run: &Run) {
        let is_later = |workload: &WorkloadRecord| {
            let last = workload.state.totals.last.as_ref();
            !run.manual && last.is_none_or(|last| last.sort_key < run.sort_key())
        };
        if self.records.get(slot).is_some_and(is_later)
            && let Some(workload) = self.records.get_mut(slot)
        {
            let bounds = &self.settings.run_duration_buckets;
            workload.state.totals.add_run(run, false, bounds);
            workload.state.ticks.add_run(run);
            self.journal_change(slot);
        }
    }
}
