//! New settings for workloads. Only records that they change are touched, because scrapes share the others.

use std::{mem, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{SideEffects, WorkloadDefaults, Workloads, resolve_overrides};
use crate::{
    model::{Job, Run, WorkloadId},
    store::{StoreSettings, labels::Relabeller, objects::Objects},
};

impl Workloads {
    /// Applies new settings, except those of labels. Returns the `CronJobs` whose start grace changed.
    pub(in crate::store) fn configure(&mut self, settings: &Arc<StoreSettings>) -> Vec<WorkloadId> {
        let old = mem::replace(&mut self.settings, settings.clone());
        if old.retention != settings.retention {
            let (old, new) = (old.retention, settings.retention);
            self.records.reschedule_removals(|workload, at| {
                let (old, new) = (old.of(workload.departure), new.of(workload.departure));
                rescheduled(at, old, new)
            });
        }
        let thresholds_changed = old.thresholds != settings.thresholds;
        if thresholds_changed {
            self.defaults = WorkloadDefaults::new(settings);
        }
        if thresholds_changed || old.overrides != settings.overrides {
            self.set_thresholds(thresholds_changed)
        } else {
            Vec::new()
        }
    }

    /// Sets the thresholds of all workloads.
    fn set_thresholds(&mut self, defaults_changed: bool) -> Vec<WorkloadId> {
        let mut changed_grace = Vec::new();
        for slot in self.records.occupied() {
            let Some(workload) = self.records.get(slot) else {
                continue;
            };
            let overrides = resolve_overrides(&self.settings, self.target.as_deref(), &workload.id);
            if !defaults_changed && workload.has_overrides(overrides.as_deref()) {
                continue;
            }
            let defaults = self.defaults.clone();
            let Some(workload) = self.records.get_mut(slot) else {
                continue;
            };
            let before = workload.thresholds().start_grace;
            workload.configure(overrides, defaults);
            if workload.has_cronjob && workload.thresholds().start_grace != before {
                changed_grace.push(workload.id.clone());
            }
        }
        changed_grace
    }

    /// Moves the values of mapped labels to their new positions.
    pub(in crate::store) fn relabel(&mut self, relabeller: &mut Relabeller) {
        self.label_names = relabeller.relabelling().names.clone();
        for slot in self.records.occupied() {
            let Some(workload) = self.records.get(slot) else {
                continue;
            };
            let labels = relabeller.apply(&workload.state.labels);
            let inherited = relabeller.apply_known(&workload.inherited_labels);
            if (&labels, &inherited) != (&workload.state.labels, &workload.inherited_labels)
                && let Some(workload) = self.records.get_mut(slot)
            {
                workload.state.labels = labels;
                workload.inherited_labels = inherited;
            }
        }
        for state in self.hidden.states_mut() {
            state.labels = relabeller.apply(&state.labels);
        }
    }

    /// Appends all workloads that exist to the journal, because their labels changed. For the others it keeps the values of
    /// labels that stay.
    pub(in crate::store) fn report_existing(&self) {
        for workload in self.records.records().filter(|it| it.exists()) {
            self.report_change(&workload.id, &workload.state);
        }
    }

    /// Makes the Job of the last run of each workload known, as far as it is there.
    pub(in crate::store) fn find_last_jobs(
        &mut self,
        jobs: &Objects<Job>,
        effects: &mut SideEffects,
    ) {
        for slot in self.records.occupied() {
            if self
                .records
                .get(slot)
                .is_some_and(|it| it.last_job.is_some())
                && let Some(workload) = self.records.get_mut(slot)
                && let Some((name, uid_hash)) = workload.last_job.take()
            {
                let namespace = workload.id.namespace.clone();
                effects.last_jobs.push((namespace, name, uid_hash, false));
            }
        }
        self.find_last_owned_jobs(effects);
        let is_run = |job: &&Job| !job.ignored && job.template.owner_uid.is_none();
        for job in jobs.records().filter(is_run) {
            if let Some(run) = Run::from_finished(job)
                && let Some(slot) = self.find_of(job)
                && self.records.get(slot).is_some_and(|it| it.is_last(&run))
                && let Some(workload) = self.records.get_mut(slot)
            {
                let uid_hash = self.counted_runs.hash(&job.uid);
                effects.set_last_job(workload, run.job_name, uid_hash);
            }
        }
    }
}

/// The time of a removal that was planned for `at`, after the retention changed.
pub(in crate::store) fn rescheduled(at: Instant, old: Duration, new: Duration) -> Instant {
    match new.checked_sub(old) {
        Some(longer) => at + longer,
        None => at.checked_sub(old.saturating_sub(new)).unwrap_or(at),
    }
}
