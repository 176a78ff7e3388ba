//! What `CronJobs` change in their workloads.

use super::{CRONJOB, Observation, SideEffects, WorkloadRecord, Workloads, record::MetadataSource};
use crate::{
    model::{CronJob, Departure, NotStarted, OverdueRuns, ScheduleState, Seconds, WorkloadId},
    store::{cronjobs::CronJobRecord, objects::Transition},
};

/// A due time that was found to be overdue.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct OverdueRun {
    pub(in crate::store) due: Seconds,
    /// Why no run started.
    pub(in crate::store) reason: NotStarted,
    /// Whether the schedule counts it as missed. It was counted before, or overdue at first sight, otherwise.
    pub(in crate::store) counted: bool,
}

impl Workloads {
    /// Updates the workload of a `CronJob`.
    pub(in crate::store) fn on_cronjob(
        &mut self,
        observation: Observation,
        transition: &Transition<'_, CronJobRecord>,
        effects: &mut SideEffects,
    ) {
        let (old, new) = match *transition {
            Transition::Applied { old, new, .. } => (old, Some(&new.cronjob)),
            Transition::Gone(old) | Transition::Deselected(old) => (Some(old), None),
        };
        let old = old.map(|old| &old.cronjob).filter(|old| !old.ignored);
        match (old, new.filter(|new| !new.ignored)) {
            (_, Some(new)) => self.on_cronjob_applied(observation, new, effects),
            (Some(old), None) => self.on_cronjob_gone(observation, old),
            (None, None) => {}
        }
    }

    fn on_cronjob_applied(
        &mut self,
        observation: Observation,
        cronjob: &CronJob,
        effects: &mut SideEffects,
    ) {
        let slot = self.find_or_insert(observation, &id_of_cronjob(cronjob));
        let Some(workload) = self.records.get_mut(slot) else {
            return;
        };
        let before = workload.state.clone();
        workload.has_cronjob = true;
        workload.departure = Departure::Cleanup;
        let totals = &mut workload.state.totals;
        totals.created = cronjob.created.or(totals.created);
        totals.add_success(cronjob.last_success);
        let annotations = cronjob.annotations.as_deref();
        let problems =
            workload.set_metadata(MetadataSource::CronJob, &cronjob.labels, None, annotations);
        effects.problems.extend(problems);
        if workload.inherited_labels != cronjob.inherited_labels {
            workload
                .inherited_labels
                .clone_from(&cronjob.inherited_labels);
            effects.relabelled.insert(workload.id.clone());
        }
        if workload.state != before {
            self.journal_change(slot);
        }
    }

    fn on_cronjob_gone(&mut self, observation: Observation, cronjob: &CronJob) {
        if let Some(slot) = self.find(&id_of_cronjob(cronjob))
            && let Some(workload) = self.records.get_mut(slot)
        {
            workload.has_cronjob = false;
            workload.departure = Departure::Deletion;
            workload.metadata_source = MetadataSource::None;
            self.retire_if_empty(slot, observation.now);
        }
    }

    /// Sets whether the configuration ignores a `CronJob`.
    pub(in crate::store) fn complete_cronjob(&self, cronjob: &mut CronJob) {
        let key = (CRONJOB, &*cronjob.namespace, &*cronjob.name);
        cronjob.ignored |= self.is_ignored(key, cronjob.annotations.as_deref());
    }

    /// The workload of a `CronJob`.
    pub(in crate::store) fn find_cronjob(&self, cronjob: &CronJob) -> Option<&WorkloadRecord> {
        let slot = self
            .records
            .find((CRONJOB, &cronjob.namespace, &cronjob.name))?;
        self.records.get(slot)
    }

    /// Sets what was observed of the schedule of a `CronJob`, and adds the due times that are now `overdue`.
    pub(in crate::store) fn set_schedule(
        &mut self,
        cronjob: &CronJob,
        schedule: ScheduleState,
        overdue: &[OverdueRun],
    ) {
        let key = (CRONJOB, &*cronjob.namespace, &*cronjob.name);
        let Some(slot) = self.records.find(key) else {
            return;
        };
        let known = self.records.get(slot);
        let known = known.and_then(|workload| workload.state.schedule.as_deref());
        if known == Some(&schedule) && overdue.is_empty() {
            return;
        }
        if let Some(workload) = self.records.get_mut(slot) {
            workload.state.schedule = Some(Box::new(schedule));
            for run in overdue {
                workload.state.totals.add_missed(run.due);
                workload.state.ticks.add_missed(run.due, run.reason);
            }
        }
        self.journal_change(slot);
        for run in overdue.iter().filter(|run| run.counted) {
            self.report_missed_run(slot, run.due, run.reason);
        }
    }

    /// Forgets which due times of a `CronJob` are overdue: they depend on a time zone that was the wrong one.
    pub(in crate::store) fn forget_overdue(&mut self, cronjob: &CronJob) {
        let key = (CRONJOB, &*cronjob.namespace, &*cronjob.name);
        if let Some(slot) = self.records.find(key)
            && let Some(workload) = self.records.get_mut(slot)
            && let Some(schedule) = &mut workload.state.schedule
        {
            schedule.overdue = OverdueRuns::default();
        }
    }
}

fn id_of_cronjob(cronjob: &CronJob) -> WorkloadId {
    WorkloadId {
        namespace: cronjob.namespace.clone(),
        kind: CRONJOB.into(),
        name: cronjob.name.clone(),
    }
}
