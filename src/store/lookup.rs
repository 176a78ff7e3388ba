//! Answers the history's questions about runs and workloads.

use super::TargetStore;
use crate::model::{CountedRunLookup, Uid, WorkloadId};

impl CountedRunLookup for TargetStore {
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
}

impl super::Facts {
    /// Whether the Job with this name and uid exists. It may be one that asks to be ignored.
    fn has_job(&self, namespace: &str, name: &str, uid: &Uid) -> bool {
        let job = self.jobs.existing(("", namespace, name));
        job.is_some_and(|job| job.uid == *uid)
    }
}

#[cfg(test)]
mod tests;
