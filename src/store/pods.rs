//! The pods of Jobs: what is known of them is part of the records of their Jobs.
//!
//! The feeds of pods and of Jobs are read independently, so a pod may be seen before its Job. It waits here until then.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use super::{facts::Facts, workloads::SideEffects};
use crate::model::{Change, FeedId, Job, JobName, JobPods, Name, Pod, Run, Uid};

/// What is kept beside the records of Jobs.
#[derive(Debug, Default)]
pub(super) struct Pods {
    /// Identifies pods by 64 bits. Only pods of one Job are compared.
    hasher: RandomState,
    /// Pods whose Jobs are not known, by the uid of the Job.
    unclaimed: HashMap<Uid, JobPods>,
    /// The pods that the lists have named that are being applied.
    listed: HashMap<FeedId, HashSet<u64>>,
}

/// The Jobs that pods wait for and that may be known since an update.
pub(super) enum NewJobs {
    None,
    One { namespace: Name, name: JobName },
    Any,
}

// === impl Pods ===

impl Pods {
    /// Which Jobs may be known after this change that pods wait for.
    pub(super) fn new_jobs(&self, change: &Change<Job>) -> NewJobs {
        match change {
            _ if self.unclaimed.is_empty() => NewJobs::None,
            Change::Applied(job) => NewJobs::One {
                namespace: job.namespace().clone(),
                name: job.name.clone(),
            },
            Change::Replaced(_) => NewJobs::Any,
            Change::ListStarted | Change::Listed(_) | Change::Deleted(_) => NewJobs::None,
        }
    }
}

// === impl Facts ===

impl Facts {
    /// Applies a change of pods.
    pub(super) fn change_pods(&mut self, feed: FeedId, change: Change<Pod>) {
        match change {
            Change::ListStarted => {
                self.pods.listed.insert(feed, HashSet::new());
            }
            Change::Listed(pods) => self.apply_listed(feed, &pods),
            Change::Replaced(pods) => {
                self.apply_listed(feed, &pods);
                let listed = self.pods.listed.remove(&feed).unwrap_or_default();
                self.edit_all_pods(|pods| pods.retain(feed, |id| listed.contains(&id)));
            }
            Change::Applied(pod) => {
                self.apply_pod(feed, &pod);
            }
            Change::Deleted(pod) => {
                let id = self.pods.hasher.hash_one(&pod.uid);
                // This was its last state.
                self.edit_pods(&pod, |pods| {
                    let changed = pods.apply(id, feed, &pod);
                    pods.remove(id) || changed
                });
            }
        }
    }

    /// These feeds are gone.
    pub(super) fn drop_pods(&mut self, feeds: &HashSet<FeedId>) {
        self.pods.listed.retain(|feed, _| !feeds.contains(feed));
        self.edit_all_pods(|pods| {
            let gone = feeds.iter().map(|feed| pods.retain(*feed, |_| false));
            gone.fold(false, |any, gone| any | gone)
        });
    }

    /// Nobody knows any more what the pods of this feed do.
    pub(super) fn forget_live_pods(&mut self, feed: FeedId) {
        self.edit_all_pods(|pods| pods.forget_live(feed));
    }

    /// Forgets all pods: they are not read any more.
    pub(super) fn forget_pods(&mut self) {
        self.pods = Pods::default();
        for slot in self.jobs.occupied() {
            if self.observed_pods(slot).is_some()
                && let Some(job) = self.jobs.get_mut(slot)
            {
                job.observed_pods = None;
            }
        }
    }

    /// Hands the pods over that have waited for Jobs which are known now.
    pub(super) fn claim_pods(&mut self, jobs: &NewJobs) {
        let slots = match jobs {
            NewJobs::None => return,
            NewJobs::One { namespace, name } => {
                self.jobs.find(("", namespace, name)).into_iter().collect()
            }
            NewJobs::Any => self.jobs.occupied(),
        };
        for slot in slots {
            let job = self.jobs.get(slot);
            if let Some(waiting) = job.and_then(|job| self.pods.unclaimed.remove(&job.uid)) {
                self.edit_pods_of(slot, |pods| {
                    pods.add(waiting);
                    true
                });
            }
        }
        // After the first lists nearly none wait.
        if self.pods.unclaimed.capacity() > 4 * (self.pods.unclaimed.len() + 64) {
            self.pods.unclaimed.shrink_to_fit();
        }
    }

    /// Remembers of the Jobs whose runs were just counted that failed pods may still be added.
    pub(super) fn mark_counted(&mut self, effects: &mut SideEffects) {
        for (namespace, name, uid_hash) in effects.counted.drain(..) {
            if let Some(slot) = self.jobs.find(("", &namespace, &name))
                && let Some(job) = self.jobs.get_mut(slot)
                && self.workloads.uid_matches(job, uid_hash)
            {
                let mut pods = job.observed_pods.take().unwrap_or_default();
                Arc::make_mut(&mut pods).counted = true;
                job.observed_pods = Some(pods);
            }
        }
    }

    fn apply_listed(&mut self, feed: FeedId, pods: &[Pod]) {
        let ids: Vec<u64> = pods.iter().map(|pod| self.apply_pod(feed, pod)).collect();
        self.pods.listed.entry(feed).or_default().extend(ids);
    }

    /// Applies the state of a pod. Returns its id.
    fn apply_pod(&mut self, feed: FeedId, pod: &Pod) -> u64 {
        let id = self.pods.hasher.hash_one(&pod.uid);
        self.edit_pods(pod, |pods| pods.apply(id, feed, pod));
        id
    }

    /// Changes what is known of the pods of the Job of this pod. `edit` returns whether it changed anything.
    fn edit_pods(&mut self, pod: &Pod, edit: impl FnOnce(&mut JobPods) -> bool) {
        if let Some(slot) = self.find_job(&pod.namespace, &pod.job_name, &pod.job_uid) {
            self.edit_pods_of(slot, edit);
            return;
        }
        let unclaimed = self.pods.unclaimed.entry(pod.job_uid.clone());
        let unclaimed = unclaimed.or_default();
        edit(unclaimed);
        if !unclaimed.has_known() {
            self.pods.unclaimed.remove(&pod.job_uid);
        }
    }

    /// The same for all Jobs.
    fn edit_all_pods(&mut self, mut edit: impl FnMut(&mut JobPods) -> bool) {
        for slot in self.jobs.occupied() {
            if self.observed_pods(slot).is_some() {
                self.edit_pods_of(slot, &mut edit);
            }
        }
        self.pods.unclaimed.retain(|_, unclaimed| {
            edit(unclaimed);
            unclaimed.has_known()
        });
    }

    fn edit_pods_of(&mut self, slot: u32, edit: impl FnOnce(&mut JobPods) -> bool) {
        let mut pods = self.observed_pods(slot).cloned().unwrap_or_default();
        if !edit(&mut pods) {
            return;
        }
        let Some(job) = self.jobs.get_mut(slot) else {
            return;
        };
        let before = Run::from_finished(job);
        job.observed_pods = (!pods.is_empty()).then(|| Arc::new(pods));
        if let Some(before) = before
            && let Some(run) = Run::from_finished(job)
            && before.explanation != run.explanation
        {
            if job.template.owner_uid.is_some() {
                let job = job.clone();
                self.workloads.explain_owner_run(&job);
                return;
            }
            let counted = job.observed_pods.as_ref().is_some_and(|pods| pods.counted);
            let workload = job.workload_id();
            self.workloads
                .explain_run(&workload, &run, &before.explanation, counted);
        }
    }

    fn observed_pods(&self, slot: u32) -> Option<&JobPods> {
        self.jobs.get(slot)?.observed_pods.as_deref()
    }

    fn find_job(&self, namespace: &str, name: &str, uid: &Uid) -> Option<u32> {
        let slot = self.jobs.find(("", namespace, name))?;
        (self.jobs.get(slot)?.uid == *uid).then_some(slot)
    }
}

#[cfg(test)]
mod tests;
