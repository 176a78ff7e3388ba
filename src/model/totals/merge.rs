//! Totals of two processes become one.

use super::{LastRun, Totals};

impl Totals {
    /// Puts the runs of `earlier` before these. No run may be in both, and both have native histograms or neither.
    pub fn continue_from(&mut self, earlier: Self) {
        if let (Some(native), Some(earlier)) = (&mut self.native, &earlier.native) {
            native.add(earlier);
        }
        self.first_seen = self.first_seen.min(earlier.first_seen);
        self.succeeded += earlier.succeeded;
        self.failed += earlier.failed;
        self.deleted += earlier.deleted;
        for (group, failures) in earlier.pod_failures {
            *self.pod_failures.entry(group).or_default() += failures;
        }
        self.success_durations.add(earlier.success_durations);
        self.failure_durations.add(earlier.failure_durations);
        self.start_delays.add(earlier.start_delays);
        let sort_key = |last: &Option<LastRun>| last.as_ref().map(|last| last.sort_key);
        if sort_key(&earlier.last) > sort_key(&self.last) {
            self.last = earlier.last;
        }
        self.last_success = self.last_success.max(earlier.last_success);
        self.last_failure = self.last_failure.max(earlier.last_failure);
        self.created = match (self.created, earlier.created) {
            (Some(known), Some(earlier)) => Some(known.min(earlier)),
            (known, earlier) => known.or(earlier),
        };
        self.last_started = self.last_started.max(earlier.last_started);
        self.consecutive_failures
            .continue_from(earlier.consecutive_failures);
        self.consecutive_unsuccessful
            .continue_from(earlier.consecutive_unsuccessful);
    }

    /// Merges what another process knows that saw the same API and continued from the same totals, except that it may not have counted
    /// all runs of these. Of what both have counted, the larger count and the later time are right.
    pub fn merge(&mut self, other: &Self) {
        // It counted runs whose rows were dropped, or that a server which took over does not have.
        if other.succeeded + other.failed > self.succeeded + self.failed {
            self.succeeded = other.succeeded;
            self.failed = other.failed;
            self.success_durations = other.success_durations.clone();
            self.failure_durations = other.failure_durations.clone();
            self.start_delays = other.start_delays.clone();
            self.native.clone_from(&other.native);
        }
        self.deleted = self.deleted.max(other.deleted);
        for (group, failures) in &other.pod_failures {
            let known = self.pod_failures.entry(*group).or_default();
            *known = (*known).max(*failures);
        }
        self.last_success = self.last_success.max(other.last_success);
        self.last_failure = self.last_failure.max(other.last_failure);
        self.last_started = self.last_started.max(other.last_started);
        self.created = match (self.created, other.created) {
            (Some(known), Some(other)) => Some(known.min(other)),
            (known, other) => known.or(other),
        };
        // A process that began later does not know the runs before it.
        if other.first_seen > self.first_seen {
            return;
        }
        self.first_seen = other.first_seen;
        let sort_key = |totals: &Self| totals.last.as_ref().map(|last| last.sort_key);
        if sort_key(other) >= sort_key(self) {
            self.merge_last(other.last.as_ref());
            self.consecutive_failures = other.consecutive_failures.clone();
            self.consecutive_unsuccessful = other.consecutive_unsuccessful.clone();
        }
    }

    /// Takes the last run of another process, which is this one or a later one. Its cause stays if only this process knows it.
    fn merge_last(&mut self, other: Option<&LastRun>) {
        let known = self.last.take();
        self.last = other.cloned();
        if let (Some(last), Some(known)) = (&mut self.last, known)
            && last.cause.is_none()
            && (last.sort_key, last.succeeded) == (known.sort_key, known.succeeded)
        {
            (last.cause, last.exit_code) = (known.cause, known.exit_code);
        }
    }
}
