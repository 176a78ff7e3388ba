//! What the history asks of the store.

use tokio::time::Instant;

use super::{TargetStore, facts::Facts};
use crate::model::{RestoredState, StoreLookup, Uid, WorkloadId};

impl StoreLookup for TargetStore {
    fn is_present(&self, namespace: &str, job_name: &str, uid: &Uid) -> bool {
        self.facts.lock().has_job(namespace, job_name, uid)
    }

    fn is_counted(&self, namespace: &str, job_name: &str, uid: &Uid) -> bool {
        let facts = self.facts.lock();
        facts.has_job(namespace, job_name, uid) || facts.workloads.has_counted(uid)
    }

    fn has_workload(&self, id: &WorkloadId) -> bool {
        self.facts.lock().workloads.exists(id)
    }

    fn report_all(&self) {
        let facts = self.facts.lock();
        facts.workloads.report_all(&facts.jobs);
    }

    fn adopt(&self, restored: RestoredState) {
        let (now, date) = (Instant::now(), (self.clock)().as_second());
        let mut guard = self.facts.lock();
        let facts = &mut *guard;
        // The labels may have changed since the file was read.
        let restored = restored.with_labels(&facts.label_names);
        facts.workloads.adopt(restored, &facts.jobs, now, date);
        facts.counters_known = true;
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
