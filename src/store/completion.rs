//! What the store adds to objects: the labels that Jobs inherit from their `CronJob`, and what the configuration ignores.

use std::collections::HashSet;

use super::facts::Facts;
use crate::model::{Update, WorkloadId};

impl Facts {
    /// Completes the objects of an update before they are compared with those that are known.
    pub(super) fn complete(&self, update: &mut Update) {
        match update {
            Update::Jobs(change) => change.for_each(|job| self.workloads.complete_job(job)),
            Update::CronJobs(change) => {
                change.for_each(|cronjob| self.workloads.complete_cronjob(cronjob));
            }
            _ => {}
        }
    }

    /// Updates the Jobs of these `CronJobs`, whose Jobs inherit other labels now.
    pub(super) fn relabel(&mut self, cronjobs: &HashSet<WorkloadId>) {
        if cronjobs.is_empty() {
            return;
        }
        for slot in self.jobs.occupied() {
            let Some(job) = self.jobs.get(slot) else {
                continue;
            };
            if !cronjobs.contains(&job.workload_id()) {
                continue;
            }
            let merged = self.workloads.merged_labels(job, &job.template.labels);
            if merged != job.merged_labels
                && let Some(job) = self.jobs.get_mut(slot)
            {
                job.merged_labels = merged;
            }
        }
    }
}
