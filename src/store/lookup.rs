//! What the history and the command `status` ask of the store.

use tokio::time::Instant;

use super::{TargetStore, facts::Facts};
use crate::model::{Job, RestoredState, StoreLookup, Uid, WorkloadId};

impl StoreLookup for TargetStore {
    fn is_present(&self, namespace: &str, job_name: &str, uid: &Uid) -> bool {
        let facts = self.facts();
        facts.has_job(namespace, job_name, uid) || facts.workloads.has_job_of(uid)
    }

    fn is_counted(&self, namespace: &str, job_name: &str, uid: &Uid) -> bool {
        let facts = self.facts();
        facts.has_job(namespace, job_name, uid) || facts.workloads.has_counted(uid)
    }

    fn reads(&self, namespace: &str) -> bool {
        let shard = self.facts().workloads.shard();
        shard.is_none_or(|shard| shard.owns(namespace))
    }

    fn has_workload(&self, id: &WorkloadId) -> bool {
        self.facts().workloads.exists(id)
    }

    fn report_all(&self) {
        let facts = self.facts();
        facts.workloads.report_all(&facts.jobs);
    }

    fn adopt(&self, restored: RestoredState) {
        let (now, date) = (Instant::now(), (self.clock)().as_second());
        let mut guard = self.facts();
        let facts = &mut *guard;
        // The labels may have changed since the file was read.
        let restored = restored.with_labels(&facts.label_names);
        facts.workloads.adopt(restored, &facts.jobs, now, date);
        facts.counters_known = true;
    }
}

impl TargetStore {
    /// The Job with this name. One that was deleted after its end is known as long as it is retained.
    #[must_use]
    pub fn job(&self, namespace: &str, name: &str) -> Option<Job> {
        let facts = self.facts();
        let slot = facts.jobs.find(("", namespace, name))?;
        facts.jobs.get(slot).cloned()
    }

    /// Whether each feed was read or failed at least once.
    #[must_use]
    pub fn is_tried(&self) -> bool {
        self.facts().feeds.all_tried()
    }

    /// Whether each feed was read completely, and all schedules can be judged.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.facts().feeds.all_judged()
    }

    /// Whether the last attempt of any feed failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.facts().feeds.failing() > 0
    }
}

impl Facts {
    /// Whether the Job with this name and uid exists. It may be one that asks to be ignored.
    fn has_job(&self, namespace: &str, name: &str, uid: &Uid) -> bool {
        let job = self.jobs.existing(("", namespace, name));
        job.is_some_and(|job| job.uid == *uid)
    }
}

#[cfg(test)]
mod tests;
