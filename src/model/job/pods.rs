//! What is known of the pods of a Job.
//!
//! Only pods that exist and have not succeeded are known one by one, in 32 bytes each. Of the others stays what they add to their
//! run: how many failed and why, and how often their containers were restarted. A Job without any of that has no [`JobPods`].

use crate::model::{FailureCause, FeedId, Pod, PodState, Seconds, SmallOption, WaitReason};

/// At most so many pods of a Job are known at once, and so many that are gone. The others are not counted.
const MAX_KNOWN: usize = 10_000;

/// What is known of the pods of a Job. All counts are those of pods that were seen: a pod that was deleted between two polls, or
/// during an outage, is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobPods {
    /// In ascending order of their ids.
    known: Vec<KnownPod>,
    /// What those that are gone have left, if that is anything.
    gone: Option<Box<GonePods>>,
    /// Whether the counters of the workload include the failures of this run. Those that are seen later are then added to them.
    pub counted: bool,
}

/// A pod that exists and has not succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KnownPod {
    id: u64,
    since: SmallOption<Seconds>,
    exit_code: SmallOption<i32>,
    restarts: u32,
    feed: FeedId,
    state: PodState,
    retried: Option<FailureCause>,
}

/// What the pods have left that do not exist any more or have succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct GonePods {
    /// Those that left anything. They count once.
    ids: Vec<u64>,
    failed: FailedPods,
    restarts: u64,
    last_failure: Option<PodFailure>,
    last_retry: Option<PodFailure>,
}

/// Numbers of pods by the cause of their failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailedPods([u32; FailureCause::ALL.len()]);

/// Why a pod failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodFailure {
    /// When it failed.
    pub at: Option<Seconds>,
    /// The cause.
    pub cause: FailureCause,
    /// The exit code behind it; `None` if no container ended with one.
    pub exit_code: Option<i32>,
}

// === impl JobPods ===

impl JobPods {
    /// Takes note of the state of a pod. `id` identifies it among the pods of this Job. Returns whether anything changed.
    pub fn apply(&mut self, id: u64, feed: FeedId, pod: &Pod) -> bool {
        if self
            .gone
            .as_ref()
            .is_some_and(|gone| gone.ids.contains(&id))
        {
            return false; // An API server that lags behind shows it again.
        }
        let known = KnownPod::new(id, feed, pod);
        if pod.state != PodState::Succeeded {
            return self.set(known);
        }
        let position = self.position(id);
        if let Ok(position) = position {
            self.known.remove(position);
        }
        // What it reports last has all its restarts.
        self.leave(known);
        position.is_ok() || pod.restarts > 0
    }

    /// Takes note that a pod is gone: it was deleted, or it has succeeded. Returns whether it was known.
    pub fn remove(&mut self, id: u64) -> bool {
        let Ok(position) = self.position(id) else {
            return false;
        };
        let pod = self.known.remove(position);
        self.leave(pod);
        true
    }

    /// The same for all pods of a feed that `exists` denies. Returns whether there were any.
    pub fn retain(&mut self, feed: FeedId, exists: impl Fn(u64) -> bool) -> bool {
        let is_gone = |pod: &mut KnownPod| pod.feed == feed && !exists(pod.id);
        let gone: Vec<KnownPod> = self.known.extract_if(.., is_gone).collect();
        let any = !gone.is_empty();
        for pod in gone {
            self.leave(pod);
        }
        any
    }

    /// Whether any pod is known that exists and has not succeeded.
    #[must_use]
    pub fn has_known(&self) -> bool {
        !self.known.is_empty()
    }

    /// Forgets the pods of a feed that have not failed: nobody knows what they do. Returns whether there were any.
    pub fn forget_live(&mut self, feed: FeedId) -> bool {
        let before = self.known.len();
        self.known
            .retain(|pod| pod.feed != feed || pod.failure().is_some());
        self.known.len() != before
    }

    /// Adds what is known of other pods of the same Job.
    pub fn add(&mut self, other: Self) {
        for pod in other.known {
            self.set(pod);
        }
        if let Some(gone) = other.gone {
            let own = self.gone.get_or_insert_default();
            own.ids.extend(gone.ids);
            own.failed.add(&gone.failed);
            own.restarts += gone.restarts;
            own.last_failure = later(own.last_failure, gone.last_failure);
            own.last_retry = later(own.last_retry, gone.last_retry);
        }
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.gone.is_none() && !self.counted
    }

    /// Pods that wait, by reason. Each reason comes once.
    pub fn waiting(&self) -> impl Iterator<Item = (WaitReason, u32)> {
        let mut counts = [0_u32; WaitReason::ALL.len()];
        for (reason, _) in self.known.iter().filter_map(KnownPod::waiting) {
            counts[reason as usize] += 1;
        }
        let counts = WaitReason::ALL.iter().copied().zip(counts);
        counts.filter(|(_, count)| *count > 0)
    }

    /// Since when the pod waits that has waited longest, and for what. `None` if none waits, or if it is not known since when.
    #[must_use]
    pub fn pending_since(&self) -> Option<(Seconds, WaitReason)> {
        let waiting = self.known.iter().filter_map(KnownPod::waiting);
        let since = waiting.filter_map(|(reason, since)| Some((since?, reason)));
        since.min()
    }

    /// What the pod waits for that has waited longest.
    #[must_use]
    pub fn waits_for(&self) -> Option<WaitReason> {
        self.pending_since().map(|(_, reason)| reason)
    }

    /// Pods that failed, by cause. Never more than `most`, the number that the Job reports: its pods may be seen before its status,
    /// and it does not count all of those that the Job controller deleted. So these are left out first, then those that failed last.
    #[must_use]
    pub fn failed(&self, most: i32) -> FailedPods {
        let gone = self.gone.iter().flat_map(|gone| gone.failed.iter());
        let mut known: Vec<PodFailure> = self.known.iter().filter_map(KnownPod::failure).collect();
        known.sort_by_key(|failure| failure.at);
        let known = known.into_iter().map(|failure| (failure.cause, 1));
        let mut all: Vec<(FailureCause, u32)> = gone.chain(known).collect();
        all.sort_by_key(|(cause, _)| *cause == FailureCause::Deleted);
        let mut failed = FailedPods::default();
        let mut room = u32::try_from(most).unwrap_or(0);
        for (cause, count) in all {
            failed.add_some(cause, count, &mut room);
        }
        failed
    }

    /// How often containers of the Job's pods were restarted.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        let known: u64 = self.known.iter().map(|pod| u64::from(pod.restarts)).sum();
        known + self.gone.as_ref().map_or(0, |gone| gone.restarts)
    }

    /// The failure of the pod that failed last; if none failed, that of the container that failed last and was restarted. Pods that
    /// were deleted while they ran only decide if there are no others: when a run fails, the Job controller deletes the rest.
    #[must_use]
    pub fn last_failure(&self) -> Option<PodFailure> {
        let gone = self.gone.as_deref();
        let latest = |known: fn(&KnownPod) -> Option<PodFailure>, gone| {
            let known = self.known.iter().filter_map(known);
            known.fold(gone, |last, failure| later(last, Some(failure)))
        };
        let last = latest(KnownPod::failure, gone.and_then(|gone| gone.last_failure));
        last.filter(|last| !last.is_deletion())
            .or_else(|| latest(KnownPod::retry, gone.and_then(|gone| gone.last_retry)))
            .or(last)
    }

    fn position(&self, id: u64) -> Result<usize, usize> {
        self.known.binary_search_by_key(&id, |pod| pod.id)
    }

    fn set(&mut self, pod: KnownPod) -> bool {
        match self.position(pod.id) {
            Ok(position) => {
                let known = &mut self.known[position];
                let before = *known;
                *known = pod.continued_from(&before);
                *known != before
            }
            Err(_) if self.known.len() >= MAX_KNOWN => false,
            Err(position) => {
                if self.known.is_empty() {
                    self.known.reserve_exact(1);
                }
                self.known.insert(position, pod);
                true
            }
        }
    }

    /// Keeps what a pod has left.
    fn leave(&mut self, pod: KnownPod) {
        let (failure, retry) = (pod.failure(), pod.retry());
        if failure.is_none() && retry.is_none() && pod.restarts == 0 {
            return;
        }
        let gone = self.gone.get_or_insert_default();
        if gone.ids.len() >= MAX_KNOWN {
            return;
        }
        gone.ids.push(pod.id);
        gone.restarts += u64::from(pod.restarts);
        if let Some(failure) = failure {
            gone.failed.0[failure.cause as usize] += 1;
        }
        gone.last_failure = later(gone.last_failure, failure);
        gone.last_retry = later(gone.last_retry, retry);
    }
}

/// The later one of two failures. A deletion comes before everything else.
fn later(one: Option<PodFailure>, other: Option<PodFailure>) -> Option<PodFailure> {
    [one, other]
        .into_iter()
        .flatten()
        .max_by_key(|failure| (!failure.is_deletion(), failure.at))
}

// === impl PodFailure ===

impl PodFailure {
    fn is_deletion(&self) -> bool {
        self.cause == FailureCause::Deleted
    }
}

// === impl KnownPod ===

impl KnownPod {
    fn new(id: u64, feed: FeedId, pod: &Pod) -> Self {
        Self {
            id,
            since: pod.since,
            exit_code: pod.exit_code.into(),
            restarts: pod.restarts,
            feed,
            state: pod.state,
            retried: pod.retried,
        }
    }

    /// Completes this state with what was known of the pod before.
    fn continued_from(self, known: &Self) -> Self {
        let restarts = self.restarts.max(known.restarts);
        if known
            .failure()
            .is_some_and(|it| it.cause != FailureCause::Unknown)
        {
            // The first cause is the right one: who deletes a failed pod later writes to its status, too.
            return Self {
                restarts,
                feed: self.feed,
                ..*known
            };
        }
        let is_stopped = self.state == PodState::Failed(FailureCause::Deleted);
        if is_stopped && self.retried.is_none() {
            // Why it was restarted before may explain the run.
            return Self {
                restarts,
                retried: known.retried,
                exit_code: known.exit_code,
                ..self
            };
        }
        Self { restarts, ..self }
    }

    fn waiting(&self) -> Option<(WaitReason, Option<Seconds>)> {
        match self.state {
            PodState::Waiting(reason) => Some((reason, self.since.get())),
            PodState::Running | PodState::Succeeded | PodState::Failed(_) => None,
        }
    }

    fn failure(&self) -> Option<PodFailure> {
        match self.state {
            PodState::Failed(cause) => Some(PodFailure {
                at: self.since.get(),
                cause,
                // That of a deleted pod is about its last restart.
                exit_code: self
                    .exit_code
                    .get()
                    .filter(|_| cause != FailureCause::Deleted),
            }),
            PodState::Waiting(_) | PodState::Running | PodState::Succeeded => None,
        }
    }

    /// Why a container of it was restarted last. When is not kept.
    fn retry(&self) -> Option<PodFailure> {
        let cause = self.retried?;
        Some(PodFailure {
            at: None,
            cause,
            exit_code: self.exit_code.get(),
        })
    }
}

// === impl FailedPods ===

impl FailedPods {
    /// The causes with their numbers, without those of 0.
    pub fn iter(&self) -> impl Iterator<Item = (FailureCause, u32)> {
        let all = FailureCause::ALL.iter().copied().zip(self.0);
        all.filter(|(_, count)| *count > 0)
    }

    /// The number of those with this cause.
    #[must_use]
    pub fn count(&self, cause: FailureCause) -> u32 {
        self.0[cause as usize]
    }

    /// Number of all.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// Adds the pods of another Job.
    pub fn add(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own += other;
        }
    }

    /// Adds as many as there is room for.
    fn add_some(&mut self, cause: FailureCause, count: u32, room: &mut u32) {
        let count = count.min(*room);
        self.0[cause as usize] += count;
        *room -= count;
    }
}

#[cfg(test)]
mod tests;
