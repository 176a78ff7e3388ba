//! What a probe of one Job found, shown as a scrape would show it. The store only adds what it knows, and keeps nothing of it.

use super::{
    ClientCounters, ConfiguredJob, Snapshot, TargetSnapshot, TargetStore, facts::Facts,
    objects::continued,
};
use crate::{
    config::{JobReference, LabelSource},
    model::{Job, ProbeOutcome},
};

impl TargetStore {
    /// A view of this target that has only `job`, as a probe found it. The Job gets what [`snapshot`](Self::snapshot) would show:
    /// the labels that it inherits, whether it is ignored, and a state that does not go back. `sources` are those of its mapped
    /// labels.
    #[must_use]
    pub fn show_probed(
        &self,
        job: &JobReference,
        outcome: ProbeOutcome,
        sources: &[LabelSource],
    ) -> TargetSnapshot {
        let date = (self.clock)();
        let exists = outcome.exists();
        let configured = ConfiguredJob {
            namespace: job.namespace.as_str().into(),
            name: job.name.as_str().into(),
            exists,
            poll_up: Some(exists.is_some()),
            last_poll: exists.map(|_| date),
        };
        let facts = self.facts();
        let found = match outcome {
            ProbeOutcome::Found(job) => Some(facts.completed(*job, sources)),
            ProbeOutcome::Failed | ProbeOutcome::Absent | ProbeOutcome::Undecodable => None,
        };
        TargetSnapshot {
            details: None,
            target: self.name.clone(),
            date,
            known_since: self.known_since,
            jobs: Snapshot::of(found),
            cronjobs: Snapshot::of(None),
            workloads: Snapshot::of(None),
            label_names: facts.label_names.clone(),
            overrides: facts.settings.overrides.clone(),
            reads_pods: facts.settings.pods,
            shard: None,
            configured: vec![configured],
            counters_known: facts.counters_known,
            status: facts.status(),
            client_counters: ClientCounters::default(),
        }
    }
}

impl Facts {
    /// `job` as an update would show it.
    fn completed(&self, mut job: Job, sources: &[LabelSource]) -> Job {
        // A reload has changed the labels since the Job was read. As in a scrape, they are empty until it is read again.
        let labels = self.settings.labels.iter().map(|mapped| &mapped.source);
        if !labels.eq(sources) {
            job = job.with_template(|template| template.labels = None);
        }
        self.workloads.complete_job(&mut job);
        let known = self.jobs.existing(("", job.namespace(), &job.name));
        continued(job, known)
    }
}

#[cfg(test)]
mod tests;
