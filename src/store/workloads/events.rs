//! Reports what is counted as events.
//!
//! Each function is called once where a counter of a workload is increased, and after the state with the new count was appended
//! to the journal.

use super::{WorkloadRecord, Workloads};
use crate::model::{
    EventRun, Job, JournalEntry, NotStarted, Run, RunEvent, RunEventKind, RunExplanation, Seconds,
};

impl Workloads {
    /// A finished run was counted. While failed pods of it were not seen yet, what the others say may not be why it failed.
    pub(super) fn report_finished_run(&self, slot: u32, run: &Run) {
        let event_run = if self.awaits_pods(run) && run.explanation.has_pod_cause() {
            EventRun {
                explanation: RunExplanation::default(),
                ..EventRun::of_finished(run)
            }
        } else {
            EventRun::of_finished(run)
        };
        self.report(slot, run.result.into(), |event| RunEvent {
            due: run.due,
            run: Some(event_run),
            ..event
        });
    }

    /// A run was counted whose Job is gone and was not seen to finish. `deletion` says whether an event reported that.
    pub(super) fn report_lost_run(&self, slot: u32, job: &Job, deletion: bool) {
        self.report(slot, lost(deletion), |event| RunEvent {
            due: job.due.get(),
            run: Some(EventRun::of_unfinished(job)),
            ..event
        });
    }

    /// The same for a run that is all Jobs of an owner, and has no end.
    pub(super) fn report_lost_owner_run(&self, slot: u32, run: &Run, deletion: bool) {
        self.report(slot, lost(deletion), |event| RunEvent {
            run: Some(EventRun::of_finished(run)),
            ..event
        });
    }

    /// A due time was counted for which no run started in time.
    pub(super) fn report_missed_run(&self, slot: u32, due: Seconds, reason: NotStarted) {
        self.report(slot, RunEventKind::Missed, |event| RunEvent {
            due: Some(due),
            not_started: Some(reason),
            ..event
        });
    }

    fn report(&self, slot: u32, kind: RunEventKind, complete: impl FnOnce(RunEvent) -> RunEvent) {
        if !self.settings.events {
            return;
        }
        let Some(WorkloadRecord { id, state, .. }) = self.records.get(slot) else {
            return;
        };
        let event = complete(RunEvent {
            counted: (self.settings.clock)(),
            target: self.target.clone(),
            workload: id.clone(),
            label_names: self.label_names.clone(),
            labels: state.labels.clone(),
            kind,
            due: None,
            not_started: None,
            run: None,
        });
        self.journal.append(JournalEntry::Counted(Box::new(event)));
    }
}

fn lost(deletion: bool) -> RunEventKind {
    if deletion {
        RunEventKind::Deleted
    } else {
        RunEventKind::Disappeared
    }
}
